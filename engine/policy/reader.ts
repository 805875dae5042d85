import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { z } from 'zod';
import { type FileIssue } from '../contract/models.ts';
import { type Place } from '../kernel/errors.ts';
import { clip, describe, expectation, nearest, remedy, snake } from './wording.ts';
import { type YamlSource } from './yaml.ts';

/** A field of a mapping: the key as written, and its value. */
export interface Entry {
  readonly key: string;
  readonly node: Node | null;
  readonly offset: number;
  readonly path: string;
}
export type Entries = ReadonlyMap<string, Entry>;
export type Shape = Readonly<Record<string, z.ZodType>>;
/** The values of the fields that were read; one that is missing here has been reported. */
export type Values<S extends Shape> = { readonly [K in keyof S]?: z.infer<S[K]> };

/** So many findings say that the file is not meant for us; what comes after them is not looked at. */
const MAX_ISSUES = 10_000;
/** The same for one list or mapping of a field; finding the place of each takes time. */
const MAX_PER_FIELD = 100;

/** Reads sections of a YAML tree against schemas, and collects every finding with its place. */
export class Reader {
  readonly issues: FileIssue[] = [];
  readonly #source: YamlSource;
  readonly #file: string;

  constructor(source: YamlSource, file: string) {
    this.#source = source;
    this.#file = file;
    this.issues.push(...source.issues);
  }

  /** Where an offset into the text lies. */
  place(offset: number): Place {
    return { file: this.#file, ...this.#source.at(offset) };
  }
  report(offset: number, path: string, message: string, hint: string): void {
    if (!this.#full()) this.issues.push({ ...this.place(offset), path, message, hint });
  }
  #full(): boolean {
    return this.issues.length >= MAX_ISSUES;
  }
  /** Reports that a field is not there; `what` it should hold begins with an article. */
  missing(owner: Entry, field: string, hint: string, what = 'a value'): void {
    const message = `${field}: expected ${what}, found nothing: the field is required`;
    this.report(owner.offset, join(owner.path, field), message, hint);
  }
  /** Reports a value that an entry before has already; `seen` keeps each value with its line. */
  unique(entry: Entry | undefined, value: string | undefined, seen: Map<string, number>, what = 'a name'): void {
    if (entry === undefined || value === undefined || value === '') return;
    const first = seen.get(value);
    if (first === undefined) seen.set(value, this.place(entry.offset).line);
    else
      this.reject(
        entry,
        `expected ${what} of its own, as line ${first} has this one`,
        `give each another ${entry.key}`,
      );
  }
  /** Reports that a value is not what was expected; `expected` begins with that word. */
  reject(entry: Entry, expected: string, hint: string): void {
    const start = entry.node?.range?.[0] ?? entry.offset;
    this.report(start, entry.path, `${entry.key}: ${expected}, found ${describe(this.#plain(entry.node))}`, hint);
  }

  /** Whether a field was written without a value. */
  isNothing(entry: Entry): boolean {
    return this.#plain(entry.node) === null;
  }

  /** The plain value of a node, as YAML reads it. */
  #plain(node: Node | null): unknown {
    if (node === null) return null;
    const value: unknown = isScalar(node) ? node.value : node.toJS(this.#source.document, { maxAliasCount: 0 });
    return typeof value === 'symbol' ? value.description : value;
  }

  /** The fields of a mapping by their canonical names; `foreign` gives the remedy for a key that belongs elsewhere. */
  mapping(
    entry: Entry,
    fields: readonly string[],
    foreign: (key: string) => string | undefined = () => undefined,
  ): Entries | undefined {
    if (!isMap(entry.node)) {
      this.reject(
        entry,
        'expected a mapping of fields',
        `write the fields ${list(fields)} each on its own line, indented under it`,
      );
      return undefined;
    }
    const names = new Map(fields.map((field) => [snake(field), field]));
    const found = new Map<string, Entry>();
    for (const pair of entry.node.items) {
      if (this.#full()) break;
      const key = isScalar(pair.key) ? String(pair.key.source ?? pair.key.value) : '';
      const offset = (pair.key as Node | null)?.range?.[0] ?? entry.offset;
      const path = join(entry.path, clip(key));
      const field = isSpelling(key) ? names.get(snake(key)) : undefined;
      if (field === undefined) {
        const near = nearest(key, fields);
        const hint =
          near === undefined
            ? (foreign(key) ?? `remove it; the fields here are ${list(fields)}`)
            : `did you mean ${snake(near)}?`;
        this.report(
          offset,
          path,
          key === ''
            ? 'expected the name of a field, found something else as a key'
            : `expected a known field, found ${clip(key)}`,
          hint,
        );
        continue;
      }
      // Both spellings may stand side by side: snake_case wins, wherever it stands.
      const before = found.get(field);
      if (before !== undefined && (key !== snake(key) || before.key === key)) continue;
      found.set(field, { key, node: pair.value as Node | null, offset, path });
    }
    return found;
  }

  /** The items of a list; nothing written counts as an empty one. */
  items(entry: Entry, example: string): readonly Entry[] {
    if (this.isNothing(entry)) return [];
    if (!isSeq(entry.node)) {
      this.reject(entry, 'expected a list', `begin each item with a dash: - ${example}`);
      return [];
    }
    return entry.node.items.map((node, index) => {
      const item = node as Node | null;
      const path = `${entry.path}[${index}]`;
      return { key: path, node: item, offset: item?.range?.[0] ?? entry.offset, path };
    });
  }

  /** Reads the fields of `shape` from the entries of a section; `owner` is where a missing one is reported. */
  fields<S extends Shape>(owner: Entry, entries: Entries, shape: S): Values<S> {
    const values: Record<string, unknown> = {};
    for (const [field, schema] of Object.entries(shape)) {
      const entry = entries.get(field);
      const raw = entry === undefined ? null : this.#typed(entry.node, schema);
      const result = schema.safeParse(raw ?? undefined);
      if (result.success) values[field] = result.data;
      else this.#explain(owner, entry, field, schema, result.error.issues, raw);
    }
    return values as Values<S>;
  }

  #explain(
    owner: Entry,
    entry: Entry | undefined,
    field: string,
    schema: z.ZodType,
    issues: readonly z.core.$ZodIssue[],
    raw: unknown,
  ): void {
    const name = entry?.key ?? snake(field);
    const hint = remedy(name, schema.meta());
    if (entry === undefined || raw === null || raw === undefined) {
      return this.missing({ ...owner, offset: entry?.offset ?? owner.offset }, name, hint);
    }
    for (const issue of issues.slice(0, MAX_PER_FIELD)) {
      const path = issue.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
      const inner =
        path !== '' && (isMap(entry.node) || isSeq(entry.node))
          ? (entry.node.getIn(issue.path, true) as Node | undefined)
          : undefined;
      const target = inner ?? entry.node;
      const start = target?.range?.[0] ?? entry.offset;
      const shown = describe(inner === undefined ? raw : this.#plain(inner));
      this.report(start, entry.path + path, `${name}${path}: ${expectation(issue)}, found ${shown}`, hint);
    }
  }

  /** The value of a node for a schema. Where text is wanted, `404` and `true` are taken as they are written. */
  #typed(node: Node | null, schema: z.ZodType): unknown {
    const wanted = innermost(schema);
    if (wanted instanceof z.ZodString && isScalar(node)) return asText(node);
    if (wanted instanceof z.ZodArray && isSeq(node))
      return node.items.map((item) => this.#typed(item as Node | null, wanted.element as z.ZodType));
    if (wanted instanceof z.ZodRecord && isMap(node)) {
      const pairs = node.items.map((pair) => [
        String(this.#plain(pair.key as Node | null)),
        this.#typed(pair.value as Node | null, wanted.valueType as z.ZodType),
      ]);
      return Object.fromEntries(pairs);
    }
    return this.#plain(node);
  }
}

/** snake_case or camelCase: `LatencyChance` and `latency-chance` are neither. */
const isSpelling = (key: string): boolean => /^[a-z][a-z0-9]*(_[a-z0-9]+)*$|^[a-z][a-zA-Z0-9]*$/.test(key);
const list = (names: readonly string[]): string => names.map(snake).join(', ');
const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function asText(node: { value: unknown; source?: string }): unknown {
  return typeof node.value === 'number' || typeof node.value === 'boolean' || typeof node.value === 'bigint'
    ? (node.source ?? String(node.value))
    : node.value;
}

/** The schema inside defaults and transforms. */
function innermost(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return innermost(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodPipe) return innermost(schema.in as z.ZodType);
  return schema;
}
