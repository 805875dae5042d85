import fc from 'fast-check';
import { snake } from '../../engine/contract/sections.ts';
import {
  ABORT,
  CHECK,
  EXPERIMENT,
  FAULT_TYPES,
  IGNORED,
  policyFields,
  PROBE_TYPES,
  probeFields,
  ROUTE,
  TOP,
} from './catalogue.ts';
import { type Field } from '../../engine/contract/fields.ts';

/**
 * Firebreak files as people write them, for property tests: any field, either spelling, brackets or lines, every kind of
 * quotes, comments wherever they may stand, empty lines, several indentations, both line ends. Written without the code
 * under test. The values fit their kind; whether the engine would take the file does not matter here.
 */

export type Model = string | null | Model[] | { [key: string]: Model };

const words = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'payments',
      '/charge*',
      'all',
      'slow payments',
      'route://shop/',
      'x-canary',
      'success_rate >= 0.95 && p99 < 800',
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '',
      'true',
      '404',
      '1e3',
      'null',
      '~',
      '# no comment',
      'a: b',
      "it's",
      '"quoted"',
      '- dash',
      '{x}',
      '[y]',
      'a, b',
      '*star',
      '&and',
      '!bang',
      '%',
      '@',
      '`',
      '|',
      '>',
      'end:',
      ' lead',
      'trail ',
      '\ttab',
      'ü✓',
      '🔥',
      '\\n',
      'a #b',
      '? q',
      '---',
      '...',
      '\u007f',
      '\u2028',
    ),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 10 }) },
);
const lines = fc.oneof(
  words,
  fc.array(words, { minLength: 2, maxLength: 4 }).map((parts) => parts.join('\n')),
  words.map((text) => `${text}\n`),
);

const DURATIONS = ['0', '0s', '500ms', '1s', '1.5s', '10m', '1h30m', '250us'];
/** A value that fits a field, as a form gives it. */
export function valueOf(field: Field): fc.Arbitrary<Model> {
  switch (field.kind) {
    case 'duration':
      return fc.constantFrom(...DURATIONS);
    case 'ratio':
      return fc.constantFrom('0', '1', '0.3', '0.25', '.5', '1e-3', '1.0');
    case 'number':
      return fc.integer({ min: field.min ?? 0, max: Math.min(field.max ?? 1_000_000, 1_000_000) }).map(String);
    case 'choice':
      return fc.constantFrom(...field.choices);
    case 'flag':
      return fc.constantFrom('true', 'false');
    case 'lines':
      return lines;
    case 'text':
    case 'condition':
      return words;
    case 'list':
      return fc.array(field.texts ? words : fc.constantFrom('2xx', '304', '200'), { minLength: 1, maxLength: 3 });
    case 'map':
      return fc.dictionary(
        words.filter((key) => key !== '' && !/[\n\r]/.test(key)),
        words,
        { minKeys: 1, maxKeys: 3, noNullPrototype: true },
      );
    case 'section':
      return fc.constant(null);
  }
}
export const isRaw = (field: Field): boolean =>
  ['duration', 'ratio', 'number', 'choice', 'flag'].includes(field.kind) || (field.kind === 'list' && !field.texts);

/** How one file is written. */
interface Style {
  readonly camel: boolean;
  readonly step: number;
  /** Lists stand at the column of their key. */
  readonly flush: boolean;
  readonly eol: string;
  /** A stream of small numbers that every other choice is taken from. */
  next(): number;
}
const style = fc
  .record({
    camel: fc.boolean(),
    step: fc.constantFrom(2, 4),
    flush: fc.boolean(),
    eol: fc.constantFrom('\n', '\n', '\r\n'),
    dice: fc.array(fc.nat(997), { minLength: 400, maxLength: 400 }),
  })
  .map(({ dice, ...rest }): Style => {
    let at = 0;
    return { ...rest, next: () => dice[at++ % dice.length] ?? 0 };
  });

const subset = (fields: readonly Field[], always: readonly string[]): fc.Arbitrary<Record<string, Model>> =>
  fc
    .tuple(
      ...fields
        .filter(({ kind }) => kind !== 'section')
        .map((field) =>
          fc.tuple(
            fc.constant(field.name),
            valueOf(field),
            always.includes(field.name) ? fc.constant(true) : fc.boolean(),
          ),
        ),
    )
    .map((all) => Object.fromEntries(all.filter(([, , there]) => there).map(([name, value]) => [name, value])));
const withType = (
  types: readonly string[],
  fieldsFor: (type: string) => readonly Field[],
): fc.Arbitrary<Record<string, Model>> =>
  fc
    .constantFrom(...types)
    .chain((type) => subset(fieldsFor(type), ['type', 'name', 'url']).map((fields) => ({ ...fields, type })));

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const model = fc
  .record({
    head: subset(TOP, ['version']),
    ignored: maybe(subset(IGNORED, ['sql'])),
    routes: maybe(fc.array(subset(ROUTE, ['name']), { minLength: 1, maxLength: 3 })),
    policies: maybe(fc.array(withType(FAULT_TYPES, policyFields), { minLength: 1, maxLength: 4 })),
    experiment: maybe(
      fc.record({
        head: subset(EXPERIMENT, ['hypothesis']),
        checks: fc.array(fc.tuple(subset(CHECK, ['name']), withType(PROBE_TYPES, probeFields)), {
          minLength: 1,
          maxLength: 2,
        }),
        abort: maybe(subset(ABORT, ['when'])),
      }),
    ),
  })
  .map(({ head, ignored, routes, policies, experiment }): Record<string, Model> => ({
    ...head,
    ...(ignored !== undefined && { ignoredCommands: ignored }),
    ...(routes !== undefined && { routes }),
    ...(policies !== undefined && { policies }),
    ...(experiment !== undefined && {
      experiment: {
        ...experiment.head,
        steadyState: experiment.checks.map(([check, probe]) => ({ ...check, probe })),
        ...(experiment.abort !== undefined && { abort: experiment.abort }),
      },
    }),
  }));

/** A text and what it says, with all fields in snake_case. */
export const file: fc.Arbitrary<{ readonly text: string; readonly model: Record<string, Model> }> = fc
  .tuple(model, style)
  .map(([value, how]) => {
    const writer = new Writer(how);
    const text = writer.file(value);
    return { text, model: snakes(value, false) as Record<string, Model> };
  });

const FREE = new Set(['matchHeaders', 'headers', 'upstreamsByName']);
const FREE_IN_SNAKE = new Set([...FREE].map(snake));
/** Whether the keys of a mapping are anybody's, however its own key is spelled. */
export const isFree = (key: string): boolean => FREE.has(key) || FREE_IN_SNAKE.has(key);
/** The same with the names of fields in snake_case; keys of free mappings stay. */
export function snakes(value: Model, free: boolean): Model {
  if (Array.isArray(value)) return value.map((item) => snakes(item, free));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [free ? key : snake(key), snakes(inner, isFree(key))]),
  );
}

const RAW = /^(true|false|[\d.]+(e-?\d+)?|[\d.]+[a-z]+[\da-z]*|\dxx)$/;
class Writer {
  readonly #how: Style;
  #comments = 0;
  constructor(how: Style) {
    this.#how = how;
  }
  file(value: Record<string, Model>): string {
    const { eol } = this.#how;
    const text = [...this.#above(0), ...this.#map(this.#shuffled(value), 0, false), ...this.#above(0)].join(eol);
    return this.#one(8) ? text : text + eol;
  }
  #one(of: number): boolean {
    return this.#how.next() % of === 0;
  }
  #shuffled<T>(value: Record<string, T>): Record<string, T> {
    const pairs = Object.entries(value);
    const by = this.#how.next() % pairs.length;
    return this.#one(2) ? value : Object.fromEntries([...pairs.slice(by), ...pairs.slice(0, by)]);
  }
  #above(column: number): string[] {
    if (!this.#one(5)) return this.#one(6) ? [''] : [];
    return [`${' '.repeat(column)}# about ${++this.#comments}: "quoted", {a: b}`];
  }
  #behind(): string {
    return this.#one(5) ? `${' '.repeat(1 + (this.#how.next() % 3))}# note ${++this.#comments}` : '';
  }
  #map(value: Record<string, Model>, column: number, free: boolean): string[] {
    const pad = ' '.repeat(column);
    return Object.entries(value).flatMap(([key, inner], index) => {
      const above = index === 0 ? [] : this.#above(column);
      const name = free
        ? JSON.stringify(key).replace('\u007f', '\\x7f').replace('\u2028', '\\u2028')
        : this.#how.camel
          ? key
          : snake(key);
      return [...above, ...this.#after(`${pad}${name}:`, inner, column, isFree(key))];
    });
  }
  /** `head` and the value behind it; `column` is that of the key. */
  #after(head: string, value: Model, column: number, free: boolean): string[] {
    const { step, flush } = this.#how;
    if (typeof value === 'string') return this.#scalarLines(head, value, column);
    if (value === null) return [head + this.#behind()];
    if (this.#one(4)) return this.#brackets(`${head} `, value, free, column);
    if (Array.isArray(value)) {
      const at = flush ? column : column + step;
      return [head + this.#behind(), ...value.flatMap((item, index) => this.#item(item, at, index))];
    }
    return [head + this.#behind(), ...this.#map(value, column + step, free)];
  }
  #item(value: Model, column: number, index: number): string[] {
    const dash = `${' '.repeat(column)}-`;
    const above = index === 0 ? [] : this.#above(column);
    if (typeof value === 'string') return [...above, ...this.#scalarLines(dash, value, column)];
    if (value === null || Array.isArray(value) || this.#one(5))
      return [...above, ...this.#brackets(`${dash} `, value, false, column)];
    const [first = '', ...rest] = this.#map(value, column + 2, false);
    return [...above, `${dash} ${first.trimStart()}`, ...rest];
  }
  #brackets(head: string, value: Model, free: boolean, column: number): string[] {
    const text = this.#flow(value, free);
    // Brackets over several lines, with a comment among them.
    if (
      this.#one(4) &&
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.keys(value).length > 0
    ) {
      const pad = ' '.repeat(column + 4);
      const parts = Object.entries(value).map(
        ([key, inner]) => `${pad}${this.#pair(key, inner, free)},${this.#behind()}`,
      );
      return [`${head}{${this.#behind()}`, ...parts, `${' '.repeat(column + 2)}}${this.#behind()}`];
    }
    return [head + text + this.#behind()];
  }
  #pair(key: string, value: Model, free: boolean): string {
    const name = free ? this.#quoted(key) : this.#how.camel ? key : snake(key);
    return `${name}: ${this.#flow(value, isFree(key))}`;
  }
  #flow(value: Model, free: boolean): string {
    if (value === null) return 'null';
    if (typeof value === 'string') return this.#inline(value);
    const inner = Array.isArray(value)
      ? value.map((item) => this.#flow(item, false))
      : Object.entries(value).map(([key, item]) => this.#pair(key, item, free));
    const text = inner.join(this.#one(2) ? ', ' : ',  ');
    return Array.isArray(value) ? `[${text}]` : this.#one(2) ? `{ ${text} }` : `{${text}}`;
  }
  #quoted(value: string): string {
    return JSON.stringify(value).replaceAll('\u007f', '\\x7f').replaceAll('\u2028', '\\u2028');
  }
  #inline(value: string): string {
    if (RAW.test(value)) return value;
    if (/^[A-Za-z/][\w/*-]*$/.test(value) && !/^(true|false|null)$/i.test(value) && this.#one(2)) return value;
    return !/[^ -~]/.test(value) && this.#one(2) ? `'${value.replaceAll("'", "''")}'` : this.#quoted(value);
  }
  #scalarLines(head: string, value: string, column: number): string[] {
    const body = value.replace(/\n$/, '').split('\n');
    const plain = /^[!-~][ -~]*$/;
    if (value.includes('\n') && body.every((line) => plain.test(line)) && this.#one(2)) {
      const pad = ' '.repeat(column + this.#how.step);
      return [`${head} |${value.endsWith('\n') ? '' : '-'}${this.#behind()}`, ...body.map((line) => pad + line)];
    }
    return [`${head} ${this.#inline(value)}${this.#behind()}`];
  }
}
