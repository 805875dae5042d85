/** What a resolver of Firebreak's is told to do; plain data, so that it can be handed to another process. */
export interface DnsOrder {
  /** The servers that applications ask, in their order. */
  readonly servers: readonly string[];
  /** Where to listen in place of all of them; absent: on a free port for each, to which `rules` lead. */
  readonly listen?: string;
  /** What nft is told once the ports are known, `{N}` being that of server N. It must make a table that goes with its owner. */
  readonly rules?: string;
  /** The user it becomes, by which its own questions are known. Nobody else is called so. */
  readonly uid: number;
  readonly strike: DnsStrike;
}

/** Which questions are taken, and what becomes of them. */
export interface DnsStrike {
  /** `all`, a name in lower case, or `*.` and one. */
  readonly names: readonly string[];
  /** Never taken. */
  readonly spared: readonly string[];
  readonly action: 'nxdomain' | 'servfail' | 'wrong-address' | 'delay' | 'drop';
  readonly chance: number;
  /** Milliseconds. */
  readonly delay: number;
  /** The bytes of the wrong addresses; an empty one leaves questions for its kind alone. */
  readonly ipv4: readonly number[];
  readonly ipv6: readonly number[];
  readonly seed: number;
  readonly key: number;
}

/** What a resolver reports of itself. */
export interface DnsCounts {
  /** Questions of applications. */
  readonly seen: number;
  /** Of them, those whose name and kind the fault takes, before the dice. */
  readonly matched: number;
  /** Answered wrongly, held up or swallowed. */
  readonly struck: number;
  /** How long those held up have waited so far, in all, milliseconds; and how many are done waiting. */
  readonly waited: number;
  readonly released: number;
  /** Questions passed on that no server answered in time. */
  readonly unanswered: number;
}
