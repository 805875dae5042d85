import {
  Composer,
  type CST,
  type Document,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  type Pair,
  Parser,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { snake } from '../../engine/contract/sections.ts';

/**
 * The text of a Firebreak file as a form sees it. The text is the only truth: what is here is read from it, and edits
 * (edit.ts) are changes of the text.
 */

/**
 * A way into the file. A word names a field, however it is spelled there (`latencyChance` finds `latency_chance`); a
 * number is an item of a list, or an entry of a mapping whose keys are free.
 */
export type Path = readonly (string | number)[];

/** A text that could be read, and its tree with the place of every token. */
export interface Source {
  readonly text: string;
  /** Null when the text says nothing yet. */
  readonly root: YAMLMap | null;
}
/** Why a text could not be read; `offset` is where. */
export interface Problem {
  readonly message: string;
  readonly offset: number;
  /** Nothing is wrong with it but its length. */
  readonly large?: boolean;
}
export type Parsed = { readonly ok: true; readonly source: Source } | { readonly ok: false; readonly problem: Problem };

/** Larger texts are left to the editor: reading them takes longer than a person waits between two keys. Characters. */
export const FORM_LIMIT = 1_000_000;
/** So many open brackets would keep the parser busy for half a minute. The engine refuses such a file too. */
const MOST_BRACKETS = 2_000;
/** Tokens between two pauses of a sliced reading: 1-3 ms of work. */
const SLICE = 1_000;

/** Reads a text at once. Never throws for what it says. */
export function parse(text: string): Parsed {
  const work = reading(text);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Reads a text in slices, so that a page stays alive meanwhile.
 * @param pause waits for the next slice; undefined ends the reading, which then gives undefined.
 */
export async function parseSliced(text: string, pause: () => Promise<boolean>): Promise<Parsed | undefined> {
  const work = reading(text);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (!(await pause())) return undefined;
  }
}

function* reading(text: string): Generator<void, Parsed, void> {
  const wrong = (message: string, offset: number): Parsed => ({ ok: false, problem: { message, offset } });
  if (text.length > FORM_LIMIT) {
    return {
      ok: false,
      problem: {
        message: `The form takes files of up to ${FORM_LIMIT.toLocaleString('en-GB')} characters.`,
        offset: 0,
        large: true,
      },
    };
  }
  if (bracketsPileUp(text)) return wrong('expected fewer open brackets', 0);
  try {
    const parser = new Parser();
    const tokens: CST.Token[] = [];
    let count = 0;
    for (const lexeme of new Lexer().lex(text)) {
      for (const token of parser.next(lexeme)) tokens.push(token);
      if (++count % SLICE === 0) yield;
    }
    tokens.push(...parser.end());
    yield;
    const [document, second] = [
      ...new Composer({ keepSourceTokens: true, uniqueKeys: false, logLevel: 'error' }).compose(
        tokens,
        true,
        text.length,
      ),
    ];
    const error = document?.errors[0];
    if (error !== undefined) return wrong(error.message, error.pos[0]);
    if (second !== undefined) return wrong('expected one document, found a second one', second.range?.[0] ?? 0);
    return rooted(text, document as Document.Parsed | undefined);
  } catch (error) {
    // Its own recursion is where the parser gives up.
    return wrong(error instanceof Error ? error.message : String(error), 0);
  }
}

function rooted(text: string, document: Document.Parsed | undefined): Parsed {
  const root: unknown = document?.contents ?? null;
  if (isMap(root)) return { ok: true, source: { text, root } };
  if (root === null || (isScalar(root) && root.value === null)) return { ok: true, source: { text, root: null } };
  return {
    ok: false,
    problem: { message: 'expected fields such as `version: 1`', offset: (root as Node).range?.[0] ?? 0 },
  };
}

function bracketsPileUp(text: string): boolean {
  let open = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open = Math.max(0, open + (bracket === '[' || bracket === '{' ? 1 : -1));
    if (open > MOST_BRACKETS) return true;
  }
  return false;
}

/** How a key is written; undefined for one that is no plain word. */
export const keyOf = ({ key }: Pair): string | undefined =>
  isScalar(key) ? String(key.source ?? key.value) : undefined;

/** The entry of a field in a mapping, in either spelling; snake_case wins, and the first of two alike, as in the engine. */
export function pairOf(map: YAMLMap, field: string): Pair | undefined {
  const wanted = snake(field);
  let found: Pair | undefined;
  for (const pair of map.items) {
    const key = keyOf(pair);
    if (key === undefined || snake(key) !== wanted) continue;
    if (key === wanted) return pair;
    found ??= pair;
  }
  return found;
}

/** What a path leads to. `missing` is how many of its last steps are not in the file. */
export interface Found {
  readonly node: Node | null;
  /** The mapping or list that holds it, and the entry there when it is a mapping. */
  readonly parent: YAMLMap | YAMLSeq | null;
  readonly pair: Pair | null;
  readonly missing: number;
}

/** Follows a path as far as the file goes. */
export function find({ root }: Source, path: Path): Found {
  let found: Found = { node: root, parent: null, pair: null, missing: 0 };
  for (const [at, step] of path.entries()) {
    const { node } = found;
    if (isMap(node)) {
      const pair = typeof step === 'number' ? node.items[step] : pairOf(node, step);
      if (pair !== undefined) {
        found = { node: pair.value as Node | null, parent: node, pair, missing: 0 };
        continue;
      }
    } else if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
      found = { node: node.items[step] as Node | null, parent: node, pair: null, missing: 0 };
      continue;
    }
    return { ...found, missing: path.length - at };
  }
  return found;
}

/** A field as a form shows it. */
export interface Reading {
  readonly present: boolean;
  /** The text of a scalar: raw as written for numbers and the like, the value for texts. '' when there is none. */
  readonly text: string;
  /** How the scalar is written; undefined when there is none. */
  readonly style: Scalar.Type | undefined;
  /** What stands there instead of one value. */
  readonly holds: 'mapping' | 'list' | undefined;
}
const ABSENT: Reading = { present: false, text: '', style: undefined, holds: undefined };

/** Reads one value. */
export function read(source: Source, path: Path): Reading {
  const { node, missing } = find(source, path);
  return missing > 0 ? ABSENT : readNode(node);
}
export function readNode(node: Node | null): Reading {
  if (isMap(node)) return { ...ABSENT, present: true, holds: 'mapping' };
  if (isSeq(node)) return { ...ABSENT, present: true, holds: 'list' };
  if (!isScalar(node) || node.value === null) return { ...ABSENT, present: node !== null };
  const text = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
  return { present: true, text, style: node.type as Scalar.Type | undefined, holds: undefined };
}

/** The entries of a mapping with free keys, or the items of a list (whose keys are ''). */
export function entries(source: Source, path: Path): readonly { readonly key: string; readonly value: Reading }[] {
  const { node, missing } = find(source, path);
  if (missing > 0) return [];
  if (isMap(node))
    return node.items.map((pair) => ({
      key: isScalar(pair.key) ? String(pair.key.value) : '',
      value: readNode(pair.value as Node | null),
    }));
  if (isSeq(node)) return node.items.map((item) => ({ key: '', value: readNode(item as Node | null) }));
  return [];
}

/** How many items a list has; 0 when it is none. */
export function length(source: Source, path: Path): number {
  const { node, missing } = find(source, path);
  return missing === 0 && (isSeq(node) || isMap(node)) ? node.items.length : 0;
}

/** The keys of the mapping at a path, as they are written. */
export function keysAt(source: Source, path: Path): readonly string[] {
  const { node, missing } = find(source, path);
  return missing === 0 && isMap(node) ? node.items.map((pair) => keyOf(pair) ?? '') : [];
}
