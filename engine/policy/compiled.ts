import type { Protocol } from '../contract/models.ts';
import { fnv1a } from '../kernel/hash.ts';
import { foldPrefix } from './match.ts';
import { compileWhen } from './when.ts';

/** One policy for the wire, as plain data that crosses threads. Chances 0-1, times in milliseconds. */
export interface WirePolicy {
  /** Unique. */
  readonly id: string;
  /** The fault whose work it is, by the id that reports and events give it. */
  readonly fault?: string;
  readonly name: string;
  readonly protocol: Protocol;
  /** The fault type whose facts `when` asks; the protocol when absent. */
  readonly type?: string;
  /** HTTP: a path, `all`, or a path with a trailing `*` (segment boundary). */
  readonly target: string;
  /** '' = every route of the protocol. */
  readonly route: string;
  readonly seed: number;
  readonly latencyChance: number;
  readonly latencyMs: number;
  readonly errorChance: number;
  readonly errorCode: number;
  readonly errorBody: string;
  readonly dropConnection: boolean;
  /** Lower-case names; all must be present with exactly this value. */
  readonly matchHeaders: Readonly<Record<string, string>>;
  /** Messages per second let through; above that 429 with Retry-After. 0 = no throttling. */
  readonly throttleRate: number;
  /**
   * Which kind of message of the protocol the policy is for: '' = the usual (a request, a statement, a command), else a
   * word of the protocol's own, such as `record`.
   */
  readonly scope?: string;
  /** Only every Nth of the messages that match is judged, from the first on counted per policy; 0 = each. */
  readonly everyNth?: number;
  /** Which of each N it is, from 1; 0 = the last. */
  readonly nth?: number;
  /** A condition in CEL over the facts of the protocol; '' = none. */
  readonly when?: string;
  /** What only the protocol's session understands (an SQLSTATE, what a failure looks like); plain data. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Messages whose name begins with one of these are never touched, by the rule of `isIgnored`. */
  readonly ignored?: readonly string[];
}

/** A header that must be present, as bytes: compared against the wire without decoding. */
export interface HeaderCondition {
  /** Lower case. */
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** A policy with everything precomputed that the hot path would otherwise work out for each message. */
export interface CompiledPolicy {
  /** Its place in the snapshot: what `match` writes. */
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly protocol: Protocol;
  readonly target: string;
  readonly route: string;
  readonly seed: number;
  /** Keys the dice: the same for the same name, protocol, target and route, whatever the fault id of this run. */
  readonly key: number;
  /**
   * A message fails (an error, or a drop when `drops` is set) when its 32 random bits are below this: the chance times
   * 2^32. A drop without a chance is a chance of 1.
   */
  readonly failBelow: number;
  /** The same for latency. */
  readonly latencyBelow: number;
  readonly latencyMs: number;
  readonly drops: boolean;
  readonly errorCode: number;
  readonly errorBody: Uint8Array;
  /** Empty when the policy has no header condition. */
  readonly headers: readonly HeaderCondition[];
  /** Messages per second let through; 0 = no throttling. */
  readonly throttleRate: number;
  readonly scope: string;
  /** 0 = every message is judged. */
  readonly everyNth: number;
  /** The rest that the number of a judged message leaves when divided by `everyNth`. */
  readonly nthRest: number;
  readonly when: ((facts: Readonly<Record<string, unknown>>) => boolean) | undefined;
  readonly extra: Readonly<Record<string, unknown>>;
  /** Folded prefixes of what is never touched. */
  readonly ignored: readonly Uint8Array[];
  /** At most 64 characters (CAPABILITIES: "Telemetry"). */
  readonly label: string;
}

/** Longest label value that metrics may carry, in characters. */
const LABEL_LENGTH = 64;
/** What an error is when a policy gives no code (CAPABILITIES: http 0 -> 500). */
const DEFAULT_ERROR_CODE = 500;
const TWO_TO_32 = 0x1_0000_0000;

/** Precomputes one policy. Does not validate: the manifest did. */
export function compilePolicy(policy: WirePolicy, index: number): CompiledPolicy {
  return {
    index,
    id: policy.id,
    name: policy.name,
    protocol: policy.protocol,
    target: policy.target,
    route: policy.route,
    seed: policy.seed | 0,
    // The id is left out: it differs from run to run, and a seed must give the same faults again.
    key: fnv1a([policy.name, policy.protocol, policy.target, policy.route].join('\0')) | 0,
    failBelow: (policy.dropConnection && policy.errorChance === 0 ? 1 : policy.errorChance) * TWO_TO_32,
    latencyBelow: (policy.latencyMs > 0 ? policy.latencyChance : 0) * TWO_TO_32,
    latencyMs: policy.latencyMs,
    drops: policy.dropConnection,
    // The manifests of the other protocols resolve their own zero; where they leave it, their session does.
    errorCode: policy.errorCode === 0 && policy.protocol === 'http' ? DEFAULT_ERROR_CODE : policy.errorCode,
    errorBody: Buffer.from(policy.errorBody, 'utf8'),
    headers: Object.entries(policy.matchHeaders).map(([name, value]) => ({
      name: Buffer.from(name.toLowerCase(), 'latin1'),
      value: Buffer.from(value, 'utf8'),
    })),
    throttleRate: policy.throttleRate,
    scope: policy.scope ?? '',
    everyNth: policy.everyNth ?? 0,
    nthRest: ((policy.nth ?? 0) === 0 ? (policy.everyNth ?? 0) : (policy.nth as number)) - 1,
    when: compileWhen(policy.type ?? policy.protocol, policy.when ?? ''),
    extra: policy.extra ?? {},
    // As in `isIgnored`: a prefix of nothing but what is skipped protects nothing, rather than everything.
    ignored: (policy.ignored ?? []).map(foldPrefix).filter((prefix) => prefix.length > 0),
    label: (policy.name === '' ? policy.target : policy.name).slice(0, LABEL_LENGTH),
  };
}
