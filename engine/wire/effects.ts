import { compileSnapshot, type CompiledPolicy, DECISION, decide, type Snapshot, type WirePolicy } from '../policy/snapshot.ts';
import type { Protocol } from '../contract/models.ts';
import type { Codec, Refusal } from './codec.ts';
import { HALT_WORD, POLICY, type Shard, type SharedMemory } from './shared.ts';
import { takeToken } from './throttle.ts';

/** What is to be done to one message. */
export type Verdict =
  | { readonly act: 'refuse'; readonly id: string; readonly policy: string; readonly slot: number; readonly cell: number; readonly refusal: Refusal }
  | { readonly act: 'drop'; readonly id: string; readonly policy: string; readonly slot: number }
  | { readonly act: 'delay'; readonly parts: readonly DelayPart[]; readonly total: number };

/** The share of one policy in a delay, in milliseconds. */
export interface DelayPart {
  /** Its name. */
  readonly policy: string;
  readonly slot: number;
  readonly delay: number;
}

/** Where the message to be judged lies. */
export interface Message {
  readonly start: number;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly headEnd: number;
}

/** Sent with 429 (RFC 6585, section 4): the bucket gains a whole second's worth in a second. */
const RETRY_AFTER = 1;
const THROTTLED: Refusal = { code: 429, body: Buffer.from('Too Many Requests'), retryAfter: RETRY_AFTER };

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
  /** Whether messages of the protocol need judging at all. */
  gate(protocol: Protocol): boolean {
    if (this.#stale) this.#compile();
    return this.#snapshot.gate(protocol);
  }

  /** Undefined: the message passes. All policies that match have their say; the first refusal or drop beats every delay. */
  judge(protocol: Protocol, route: string, codec: Codec, bytes: Uint8Array, message: Message): Verdict | undefined {
    if (Atomics.load(this.#halt, HALT_WORD) !== 0) return undefined;
    const count = this.#snapshot.match(protocol, route, bytes, message.nameStart, message.nameEnd, this.#matches);
    return count === 0 ? undefined : this.#cascade(count, codec, bytes, message);
  }

  #cascade(count: number, codec: Codec, bytes: Uint8Array, message: Message): Verdict | undefined {
    let final: Verdict | undefined;
    let parts: DelayPart[] | undefined;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const index = this.#matches[i] as number;
      const policy = this.#snapshot.policies[index] as CompiledPolicy;
      if (policy.headers.length > 0 && !codec.carries(bytes, message.start, message.headEnd, policy.headers)) continue;
      const { slot, refusal } = this.#placed[index] as Placed;
      this.#shard.policy(slot, POLICY.matched);
      const decision = decide(policy, Atomics.add(this.#sequence, slot, 1));
      // Every policy counts its message, whoever wins: its sequence must not depend on the other policies.
      if (final !== undefined) continue;
      if (decision === DECISION.drop) final = { act: 'drop', id: policy.id, policy: policy.name, slot };
      else if (decision === DECISION.error) {
        final = { act: 'refuse', id: policy.id, policy: policy.name, slot, cell: POLICY.errors, refusal };
      } else if (policy.throttleRate > 0 && !takeToken(this.#buckets, slot, policy.throttleRate)) {
        final = { act: 'refuse', id: policy.id, policy: policy.name, slot, cell: POLICY.throttled, refusal: THROTTLED };
      } else if (decision === DECISION.latency) {
        (parts ??= []).push({ policy: policy.name, slot, delay: policy.latencyMs });
        total += policy.latencyMs;
      }
    }
    return final ?? (parts === undefined ? undefined : { act: 'delay', parts, total });
  }
}
