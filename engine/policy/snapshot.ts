import type { Protocol } from '../contract/models.ts';
import { type CompiledPolicy, compilePolicy, type WirePolicy } from './compiled.ts';
import { beginsWithAny, pathStart, TargetIndex } from './match.ts';
import { SqlTargets } from './sql-targets.ts';

export { type CompiledPolicy, type HeaderCondition, type WirePolicy } from './compiled.ts';
export { DECISION, type Decision, decide } from './decide.ts';

/**
 * All policies in force, compiled once and never changed: a new set is a new snapshot, swapped whole, so that no
 * message sees half of an update. Lookups allocate nothing and take no lock.
 */
export interface Snapshot {
  /** In file order; `match` writes positions in this list. */
  readonly policies: readonly CompiledPolicy[];
  /** Whether any policy exists for the protocol that does not belong to another route; when not, bytes pass through unseen. */
  gate(protocol: Protocol, route: string): boolean;
  /** Whether any of these is for messages of this scope. */
  gateScope(protocol: Protocol, route: string, scope: string): boolean;
  /**
   * Finds the policies for a message on `route` whose target takes bytes[start, end): a path or request target (the
   * query is ignored), or a name. Policies that protect it by their ignore list are left out. Header conditions are
   * the codec's to check.
   * @param out at least `policies.length` long; receives positions in file order.
   * @returns how many were written.
   */
  match(protocol: Protocol, route: string, bytes: Uint8Array, start: number, end: number, out: Int32Array): number;
  /** The same for a message of several names, one behind the other from 0 on: name i ends at ends[i]. Each policy once. */
  matchNames(protocol: Protocol, route: string, bytes: Uint8Array, ends: Int32Array, names: number, out: Int32Array): number;
  /** The same for a name that is already a string (a topic, a method, a collection). */
  matchText(protocol: Protocol, route: string, text: string, out: Int32Array): number;
  /** Whether any policy of the protocol protects the name bytes[start, end): for messages of which it is only a part. */
  protects(protocol: Protocol, bytes: Uint8Array, start: number, end: number): boolean;
}

/** The byte at which a prefix target may end, by protocol. */
const SEPARATORS: Readonly<Record<Protocol, string>> = {
  http: '/',
  grpc: '/',
  sql: ' ',
  redis: ':',
  mongo: '.',
  kafka: '.',
  rabbitmq: '.',
  tcp: '.',
};

/**
 * Protocols whose messages are called by what they do and what they do it to, as in `find shop.orders`: a target takes
 * the whole, the word before the space, what follows it, or the last part of that behind its first separator (`orders`).
 */
const OF_TWO_WORDS: ReadonlySet<Protocol> = new Set(['mongo']);
const SPACE = 0x20;
/** Longest name of two words that is given as text, in bytes. */
const LONGEST_OF_TWO = 1_024;

/** Room beyond the longest target or protected prefix: one character more (at most 4 bytes in UTF-8) proves that a name is longer. */
const SCRATCH_MARGIN = 8;

/** How the policies of a message are found: by exact and prefix targets, or by patterns. */
type Targets = Pick<TargetIndex, 'match' | 'longest'>;

/** The policies of one protocol that a route has to do with. */
interface OnRoute {
  readonly targets: Targets;
  /** Whether there are any. */
  readonly some: boolean;
  /** The kinds of messages that they are for. */
  readonly scopes: ReadonlySet<string>;
}

/** The policies of one protocol: an index for each route that has policies of its own, and one for all others. */
class ProtocolTable {
  readonly #byRoute = new Map<string, OnRoute>();
  readonly #others: OnRoute;
  /** The route that was asked for last, and what was found for it. */
  #askedRoute = '';
  #asked: OnRoute;
  readonly #scratch: Buffer;
  readonly #protocol: Protocol;
  readonly #isPath: boolean;
  readonly #ofTwoWords: boolean;
  readonly #separator: number;
  /** All policies of the snapshot, when one of this protocol has an ignore list. */
  readonly #protecting: readonly CompiledPolicy[] | undefined;

  constructor(protocol: Protocol, all: readonly CompiledPolicy[]) {
    const policies = all.filter((policy) => policy.protocol === protocol);
    const isPath = protocol === 'http' || protocol === 'grpc';
    this.#protocol = protocol;
    this.#isPath = isPath;
    this.#ofTwoWords = OF_TWO_WORDS.has(protocol);
    this.#separator = SEPARATORS[protocol].charCodeAt(0);
    this.#protecting = policies.some(({ ignored }) => ignored.length > 0) ? all : undefined;
    const on = (name: string): OnRoute => {
      const chosen = policies.filter(({ route }) => route === '' || route === name);
      const targets = protocol === 'sql' ? new SqlTargets(chosen) : new TargetIndex(chosen, this.#separator, isPath);
      return { targets, some: chosen.length > 0, scopes: new Set(chosen.map(({ scope }) => scope)) };
    };
    this.#others = this.#asked = on('');
    for (const name of new Set(policies.map(({ route }) => route))) if (name !== '') this.#byRoute.set(name, on(name));
    const longestIgnored = policies.reduce((longest, { ignored }) => ignored.reduce((most, prefix) => Math.max(most, prefix.length), longest), 0);
    const longest = Math.max(longestIgnored, ...[this.#others, ...this.#byRoute.values()].map(({ targets }) => targets.longest));
    this.#scratch = Buffer.alloc(Math.max(longest + SCRATCH_MARGIN, this.#ofTwoWords ? LONGEST_OF_TWO : 0));
  }

  on(route: string): OnRoute {
    // One message asks several times, and most often comes on the route of the one before.
    if (route !== this.#askedRoute) {
      this.#askedRoute = route;
      this.#asked = this.#byRoute.get(route) ?? this.#others;
    }
    return this.#asked;
  }
  match(route: string, bytes: Uint8Array, start: number, end: number, out: Int32Array): number {
    const count = this.#matchIn(this.on(route).targets, bytes, start, end, out);
    return count === 0 || this.#protecting === undefined
      ? count
      : this.#withoutIgnored(this.#protecting, count, bytes, start, end, out);
  }

  matchNames(route: string, bytes: Uint8Array, ends: Int32Array, names: number, out: Int32Array): number {
    if (names === 1) return this.match(route, bytes, 0, ends[0] as number, out);
    const index = this.on(route).targets;
    let count = this.#matchIn(index, bytes, 0, ends[0] as number, out);
    if (index instanceof TargetIndex) {
      for (let i = 1; i < names; i++) count = index.matchAlso(bytes, ends[i - 1] as number, ends[i] as number, out, count);
    }
    if (this.#protecting === undefined) return count;
    for (let i = 0; i < names && count > 0; i++) {
      count = this.#withoutIgnored(this.#protecting, count, bytes, i === 0 ? 0 : (ends[i - 1] as number), ends[i] as number, out);
    }
    return count;
  }

  #matchIn(index: Targets, bytes: Uint8Array, start: number, end: number, out: Int32Array): number {
    let count = index.match(bytes, start, end, out);
    if (!this.#ofTwoWords || !(index instanceof TargetIndex)) return count;
    let space = start;
    while (space < end && bytes[space] !== SPACE) space++;
    if (space === end) return count;
    count = index.matchAlso(bytes, start, space, out, count);
    count = index.matchAlso(bytes, space + 1, end, out, count);
    let separator = space + 1;
    while (separator < end && bytes[separator] !== this.#separator) separator++;
    return separator === end ? count : index.matchAlso(bytes, separator + 1, end, out, count);
  }

  #withoutIgnored(
    all: readonly CompiledPolicy[],
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    out: Int32Array,
  ): number {
    const from = this.#isPath ? pathStart(bytes, start, end) : start;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const index = out[i] as number;
      const { ignored } = all[index] as CompiledPolicy;
      if (ignored.length === 0 || !beginsWithAny(ignored, bytes, from, end)) out[kept++] = index;
    }
    return kept;
  }

  protects(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#protecting?.some(({ protocol, ignored }) => protocol === this.#protocol && beginsWithAny(ignored, bytes, start, end)) ?? false;
  }

  matchText(route: string, text: string, out: Int32Array): number {
    return this.match(route, this.#scratch, 0, this.#scratch.write(text), out);
  }
}

class CompiledSnapshot implements Snapshot {
  readonly policies: readonly CompiledPolicy[];
  readonly #tables = new Map<Protocol, ProtocolTable>();

  constructor(policies: readonly WirePolicy[]) {
    this.policies = policies.map(compilePolicy);
    for (const protocol of new Set(this.policies.map((policy) => policy.protocol))) {
      this.#tables.set(protocol, new ProtocolTable(protocol, this.policies));
    }
  }
  gate(protocol: Protocol, route: string): boolean {
    const table = this.#tables.get(protocol);
    return table !== undefined && table.on(route).some;
  }
  gateScope(protocol: Protocol, route: string, scope: string): boolean {
    const table = this.#tables.get(protocol);
    return table !== undefined && table.on(route).scopes.has(scope);
  }
  match(protocol: Protocol, route: string, bytes: Uint8Array, start: number, end: number, out: Int32Array): number {
    const table = this.#tables.get(protocol);
    return table === undefined ? 0 : table.match(route, bytes, start, end, out);
  }
  protects(protocol: Protocol, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#tables.get(protocol)?.protects(bytes, start, end) ?? false;
  }
  matchNames(protocol: Protocol, route: string, bytes: Uint8Array, ends: Int32Array, names: number, out: Int32Array): number {
    const table = this.#tables.get(protocol);
    return table === undefined ? 0 : table.matchNames(route, bytes, ends, names, out);
  }
  matchText(protocol: Protocol, route: string, text: string, out: Int32Array): number {
    const table = this.#tables.get(protocol);
    return table === undefined ? 0 : table.matchText(route, text, out);
  }
}

/** Compiles policies, in file order, into a snapshot. */
export function compileSnapshot(policies: readonly WirePolicy[]): Snapshot {
  return new CompiledSnapshot(policies);
}
