import { compileSnapshot, type CompiledPolicy, DECISION, decide, type Snapshot, type WirePolicy } from '../policy/snapshot.ts';
import type { Protocol } from '../contract/models.ts';
import type { Facts, Refusal, Subject } from './subject.ts';
import { HALT_WORD, POLICY, type Shard, type SharedMemory } from './shared.ts';
import { takeToken } from './throttle.ts';

/** What is to be done to one message. */
export type Verdict =
  /** It fails, as its protocol understands it: an error as an answer unless `extra` says otherwise. */
  | (Ruled & { readonly act: 'fail'; readonly cell: number; readonly refusal: Refusal })
  /** Its connection is cut. */
  | (Ruled & { readonly act: 'drop' })
  | { readonly act: 'delay'; readonly parts: readonly DelayPart[]; readonly total: number };

/** The policy that decided. */
export interface Ruled {
  readonly id: string;
  /** Its name. */
  readonly policy: string;
  readonly slot: number;
  /** What only its protocol understands; see WirePolicy. */
  readonly extra: WirePolicy['extra'];
}

/** The share of one policy in a delay, in milliseconds. */
export interface DelayPart {
  /** Its name. */
  readonly policy: string;
  readonly slot: number;
  readonly delay: number;
  /** How many messages wait for it together; 1 unless given. */
  readonly messages?: number;
}

/** Sent with 429 (RFC 6585, section 4): the bucket gains a whole second's worth in a second. */
const RETRY_AFTER = 1;
const THROTTLED: Refusal = { code: 429, body: Buffer.from('Too Many Requests'), retryAfter: RETRY_AFTER };

/** Of two verdicts on one message, as among policies of one kind: the first failure or drop beats every delay, and delays add up. */
export function both(first: Verdict | undefined, second: Verdict | undefined): Verdict | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  if (first.act !== 'delay') return first;
  if (second.act !== 'delay') return second;
  return { act: 'delay', parts: [...first.parts, ...second.parts], total: first.total + second.total };
}

/** A policy and its place in shared memory. */
export interface SlottedPolicy {
  readonly policy: WirePolicy;
  readonly slot: number;
}

/** A policy as the wire holds it: its place in shared memory, and its refusal made once. */
interface Placed {
  readonly slot: number;
  readonly refusal: Refusal;
}

/** Judges messages by the snapshot in force; one in each worker. */
export class Effects {
  readonly #halt: Int32Array;
  readonly #sequence: Int32Array;
  readonly #buckets: BigInt64Array;
  readonly #shard: Shard;
  #snapshot: Snapshot = compileSnapshot([]);
  #placed: readonly Placed[] = [];
  #installed: readonly SlottedPolicy[] = [];
  #stale = false;
  #ids: ReadonlySet<string> = new Set();
  #matches = new Int32Array(0);

  constructor(shared: SharedMemory, shard: Shard) {
    this.#halt = new Int32Array(shared.control);
    this.#sequence = new Int32Array(shared.sequence);
    this.#buckets = new BigInt64Array(shared.buckets);
    this.#shard = shard;
  }

  /** Swaps in another set of policies; compiled before the next message, so that many changes in a row cost one. */
  install(policies: readonly SlottedPolicy[]): void {
    this.#installed = policies;
    this.#stale = true;
    this.#ids = new Set(policies.map(({ policy }) => policy.id));
  }
  #compile(): void {
    const policies = this.#installed;
    const snapshot = compileSnapshot(policies.map(({ policy }) => policy));
    this.#placed = snapshot.policies.map(({ errorCode, errorBody }, index) => ({
      slot: policies[index]?.slot ?? 0,
      refusal: { code: errorCode, body: errorBody, retryAfter: errorCode === 429 ? RETRY_AFTER : 0 },
    }));
    this.#matches = new Int32Array(policies.length);
    this.#snapshot = snapshot;
    this.#stale = false;
  }

  get halted(): boolean {
    return Atomics.load(this.#halt, HALT_WORD) !== 0;
  }
  /** Whether a fault of this policy may still start. */
  inForce(id: string): boolean {
    return this.#ids.has(id) && !this.halted;
  }
  /** Whether messages of the protocol need judging on this route at all. */
  gate(protocol: Protocol, route: string): boolean {
    if (this.#stale) this.#compile();
    return this.#snapshot.gate(protocol, route);
  }
  /** Whether messages of this scope need judging there: what spares a session from looking for them. */
  gateScope(protocol: Protocol, route: string, scope: string): boolean {
    if (this.#stale) this.#compile();
    return this.#snapshot.gateScope(protocol, route, scope);
  }

  /** Whether a policy of the scope is aimed at this name: spares a session from taking apart what none could touch. */
  aimedAt(protocol: Protocol, route: string, name: string, scope: string): boolean {
    if (!this.gateScope(protocol, route, scope)) return false;
    const count = this.#snapshot.matchText(protocol, route, name, this.#matches);
    for (let i = 0; i < count; i++) {
      if ((this.#snapshot.policies[this.#matches[i] as number] as CompiledPolicy).scope === scope) return true;
    }
    return false;
  }

  /**
   * Judges the message whose name is bytes[start, end). Undefined: it passes. All policies that match have their say; the
   * first failure or drop beats every delay.
   * @param scope which kind of message this is, for protocols that have several (a Kafka request, a record); policies
   * of other scopes stay out of it.
   * @param index the number of the message as far as its protocol counts for itself (the messages of one stream, from
   * 0); by default every policy counts what it matched.
   * @param dice the number that the dice are thrown by, where `index` would give each stream the same fate; -1 = what
   * each policy counts.
   */
  judge(
    protocol: Protocol, route: string, bytes: Uint8Array, start: number, end: number, subject: Subject, scope = '', index = -1, dice = index,
  ): Verdict | undefined {
    if (Atomics.load(this.#halt, HALT_WORD) !== 0) return undefined;
    const count = this.#snapshot.match(protocol, route, bytes, start, end, this.#matches);
    return count === 0 ? undefined : this.#cascade(count, route, subject, scope, index, dice);
  }
  /**
   * The same for a message of several names, which lie in `bytes` one behind the other; name i ends at ends[i]. A policy
   * takes it when it takes one of them, once, and leaves it alone when it protects one of them.
   */
  judgeNames(protocol: Protocol, route: string, bytes: Uint8Array, ends: Int32Array, names: number, subject: Subject, scope = ''): Verdict | undefined {
    if (Atomics.load(this.#halt, HALT_WORD) !== 0) return undefined;
    const count = this.#snapshot.matchNames(protocol, route, bytes, ends, names, this.#matches);
    return count === 0 ? undefined : this.#cascade(count, route, subject, scope, -1, -1);
  }
  /** The same for a name that is a string already. */
  judgeText(protocol: Protocol, route: string, name: string, subject: Subject, scope = '', index = -1, dice = index): Verdict | undefined {
    if (Atomics.load(this.#halt, HALT_WORD) !== 0) return undefined;
    const count = this.#snapshot.matchText(protocol, route, name, this.#matches);
    return count === 0 ? undefined : this.#cascade(count, route, subject, scope, index, dice);
  }

  /** Whether a name is protected: asked by protocols whose messages have several. */
  protects(protocol: Protocol, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#snapshot.protects(protocol, bytes, start, end);
  }

  #cascade(count: number, route: string, subject: Subject, scope: string, place: number, dice: number): Verdict | undefined {
    let final: Verdict | undefined;
    let parts: DelayPart[] | undefined;
    let total = 0;
    let facts: Facts | undefined;
    const mayFail = subject.sheltered !== true;
    for (let i = 0; i < count; i++) {
      const index = this.#matches[i] as number;
      const policy = this.#snapshot.policies[index] as CompiledPolicy;
      if (policy.scope !== scope || (!mayFail && policy.latencyBelow === 0)) continue;
      if (policy.headers.length > 0 && !subject.carries(policy.headers)) continue;
      if (policy.when !== undefined && !policy.when((facts ??= { route, ...subject.facts() }))) continue;
      const { slot, refusal } = this.#placed[index] as Placed;
      this.#shard.policy(slot, POLICY.matched);
      const number = dice < 0 ? Atomics.add(this.#sequence, slot, 1) : dice;
      const decision = decide(policy, number, mayFail, place < 0 ? number : place);
      // Every policy counts its message, whoever wins: its sequence must not depend on the other policies.
      if (final !== undefined) continue;
      const { id, name, extra } = policy;
      if (decision === DECISION.drop) final = { act: 'drop', id, policy: name, slot, extra };
      else if (decision === DECISION.error) final = { act: 'fail', id, policy: name, slot, extra, cell: POLICY.errors, refusal };
      else if (mayFail && policy.throttleRate > 0 && !takeToken(this.#buckets, slot, policy.throttleRate)) {
        final = { act: 'fail', id, policy: name, slot, extra, cell: POLICY.throttled, refusal: THROTTLED };
      } else if (decision === DECISION.latency) {
        (parts ??= []).push({ policy: name, slot, delay: policy.latencyMs });
        total += policy.latencyMs;
      }
    }
    return final ?? (parts === undefined ? undefined : { act: 'delay', parts, total });
  }
}
