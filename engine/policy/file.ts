import { type Millis } from '../kernel/brands.ts';
import { type Place } from '../kernel/errors.ts';
import { type ProbeSpec } from '../kernel/probe.ts';
import { type Protocol, type Route } from '../contract/models.ts';

/** A Firebreak file after parsing and validation: plain values, defaults filled in. */
export interface FirebreakFile {
  readonly version: 1;
  /** Path as the user gave it, or `<text>`. */
  readonly file: string;
  readonly source: string;
  readonly name: string;
  /** Undefined when the file gives none: each run then draws one. */
  readonly seed: number | undefined;
  readonly warmupDuration: Millis;
  readonly enableDefaultIgnored: boolean;
  readonly ignoredCommands: Readonly<Partial<Record<Protocol, readonly string[]>>>;
  readonly routes: readonly Route[];
  readonly policies: readonly Policy[];
  readonly experiment: Experiment | null;
}

export interface Policy {
  readonly name: string;
  readonly type: string;
  readonly target: string;
  /** Only traffic of this route; '' = every route of the protocol. */
  readonly route: string;
  /** Validated by the manifest of `type`; keys in camelCase. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly place: Place;
  /** FNV-1a over all fields: an unchanged policy is not restarted on reload. */
  readonly hash: number;
}

export interface Experiment {
  readonly hypothesis: string;
  readonly blastRadius: 1 | 2 | 3 | 4 | 5;
  readonly duration: Millis;
  readonly steadyState: readonly SteadyStateCheck[];
  readonly abort: { readonly when: string; readonly for: Millis } | null;
  /** How long to measure before injecting, and at most after reverting; from `baseline` and `recovery`. */
  readonly baseline: Millis;
  readonly recovery: Millis;
}

export interface SteadyStateCheck {
  readonly name: string;
  readonly probe: ProbeSpec;
  /** CEL over the figures of the probe (kernel/probe.ts, FIGURES). */
  readonly expect: string;
}
