/** What judging and telling ask of a message, whatever its protocol. */

/**
 * A message that is being judged. Asked only when the target of a policy takes the message, so it may be slow; one object
 * may stand for one message after the other.
 */
export interface Subject {
  /**
   * Failing or cutting the message would break more than it, such as the transaction that it is part of: delays alone may
   * take hold of it, and for a policy without one it is as if it had not come.
   */
  readonly sheltered?: boolean;
  /** Whether the message carries all of these metadata pairs: what `match_headers` asks. */
  carries(wanted: readonly Condition[]): boolean;
  /** What conditions in CEL see, by the names in engine/policy/facts.ts; made anew for each message. */
  facts(): Facts;
  /** For people to look at: bounded, without secrets, without values unless they are harmless. */
  describe(): Described;
}
/** All that is needed to tell of a message, for when its bytes are gone. */
export type Shown = Pick<Subject, 'describe'>;
export type Facts = Readonly<Record<string, unknown>>;

/** One metadata pair that a message must carry; the name in lower case. */
export interface Condition {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** A message for people to look at. */
export interface Described {
  readonly method: string;
  readonly target: string;
  readonly traceId: string;
  /** The span that sent it, when it bears a trace id. */
  readonly parentId?: string | undefined;
  readonly requestId: string;
  /** Its beginning, with the secrets blotted out. */
  readonly head: string;
}

/** A refusal in terms that every protocol has. */
export interface Refusal {
  readonly code: number;
  readonly body: Uint8Array;
  /** Seconds after which to try again; 0 = say nothing. */
  readonly retryAfter: number;
}
