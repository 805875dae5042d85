import { EVENT, type Line, isOfEngine } from '../../stores/lines.ts';

/** What a journal shows. '' is everything. */
export interface Filter {
  readonly source: string;
  readonly protocol: string;
  readonly method: string;
  /** Only what a fault has to do with. */
  readonly touched: boolean;
  /** Untouched messages. */
  readonly passing: boolean;
  /** Each poll of each probe of a run. */
  readonly samples: boolean;
  /** Text, or `/expression/`. */
  readonly search: string;
}

export type Search =
  { readonly ok: true; readonly pattern: RegExp | undefined } | { readonly ok: false; readonly message: string };

/** A repeated group that itself repeats: tries for ever on a text that nearly fits, and the page would stand still. */
const RUNAWAY = /\((?:[^()\\]|\\.)*[+*}](?:[^()\\]|\\.)*\)[+*{]/;

/** Reads what was typed: plain text, or a regular expression between slashes. Neither minds upper or lower case. */
export function readSearch(text: string): Search {
  if (text === '') return { ok: true, pattern: undefined };
  const between = /^\/(.+)\/$/.exec(text)?.[1];
  if (between === undefined)
    return { ok: true, pattern: new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'i') };
  if (RUNAWAY.test(between))
    return { ok: false, message: 'a repetition of a repetition may never end; repeat only one of the two' };
  try {
    return { ok: true, pattern: new RegExp(between, 'i') };
  } catch (error) {
    // `Invalid regular expression: /(/i: Unterminated group`: what was typed is still there to be seen.
    return { ok: false, message: (error as Error).message.replace(/^.*\/[a-z]*: /s, '') };
  }
}

/** The test of a filter on one line; a bad search finds as if nothing were searched. */
export function matcherOf({
  source,
  protocol,
  method,
  touched,
  passing,
  samples,
  search,
}: Filter): (line: Line) => boolean {
  const read = readSearch(search);
  const pattern = read.ok ? read.pattern : undefined;
  return (line) => {
    const { of } = line;
    // Which messages were left out is not known: any selection of messages may lack them, and says so.
    if (of.kind === 'gap') return pattern === undefined && protocol !== EVENT && !isOfEngine(source);
    if (of.kind === 'message' ? !passing && !line.touched : !samples && line.method === 'sample') return false;
    if (touched && !line.touched) return false;
    if (
      (source !== '' && line.source !== source) ||
      (protocol !== '' && line.protocol !== protocol) ||
      (method !== '' && line.method !== method)
    )
      return false;
    return pattern === undefined || hasIt(line, pattern);
  };
}

function hasIt({ target, policy, source, method, word, of }: Line, pattern: RegExp): boolean {
  if (
    pattern.test(target) ||
    pattern.test(policy) ||
    pattern.test(source) ||
    pattern.test(method) ||
    pattern.test(word)
  )
    return true;
  if (of.kind !== 'message') return false;
  const { head, requestId, traceId } = of.message;
  return pattern.test(head) || pattern.test(requestId) || pattern.test(traceId);
}

/** More than this are not offered to choose from: names of methods come from whoever sends them. */
const MOST_CHOICES = 200;

/** What has been seen, to choose from: source, then its protocols, then their methods. */
export class Choices {
  readonly #seen = new Map<string, Map<string, Set<string>>>();
  #version = 0;
  /** Rises when there is something new to choose. */
  get version(): number {
    return this.#version;
  }
  see({ source, protocol, method, of }: Line): void {
    if (of.kind === 'gap') return;
    let protocols = this.#seen.get(source);
    if (protocols === undefined) {
      if (this.#seen.size >= MOST_CHOICES) return;
      this.#seen.set(source, (protocols = new Map()));
    }
    let methods = protocols.get(protocol);
    if (methods === undefined) protocols.set(protocol, (methods = new Set()));
    if (methods.has(method) || methods.size >= MOST_CHOICES) return;
    methods.add(method);
    this.#version++;
  }
  sources(): string[] {
    return [...this.#seen.keys()].toSorted();
  }
  protocols(source: string): string[] {
    return [...new Set(this.#under(source).flatMap((protocols) => [...protocols.keys()]))].toSorted();
  }
  methods(source: string, protocol: string): string[] {
    const sets = this.#under(source).flatMap((protocols) =>
      protocol === '' ? [...protocols.values()] : [protocols.get(protocol) ?? new Set<string>()],
    );
    return [...new Set(sets.flatMap((set) => [...set]))].toSorted();
  }
  #under(source: string): Map<string, Set<string>>[] {
    return source === '' ? [...this.#seen.values()] : [this.#seen.get(source) ?? new Map()];
  }
}
