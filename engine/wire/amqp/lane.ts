import { HeldBytes } from '../held-bytes.ts';
import type { Hold } from '../holds.ts';
import type { Described } from '../subject.ts';

/** What becomes of a frame. */
export const FATE = { pass: 0, discard: 1, hold: 2 } as const;
export type Fate = (typeof FATE)[keyof typeof FATE];

/**
 * One channel in one direction. The frames of one channel keep their order and a content's frames stay together, while
 * those of other channels may stand between them (AMQP 0-9-1, 4.2.6).
 */
export class Lane {
  readonly channel: number;
  /** A method with content has come; its content header is next. */
  awaiting = false;
  /** Octets of the content under way that are still to come. */
  bodyLeft = 0;
  /** What becomes of the content under way. */
  fate: Fate = FATE.pass;
  /** A method whose content header has not arrived: it cannot be judged yet. */
  readonly head = new HeldBytes();
  /** The message in front of `held` waits; whatever comes goes behind it. */
  waiting = false;
  readonly held = new HeldBytes();
  hold: Hold | undefined;
  /** The message in front of `held`, for people. */
  describe: (() => Described) | undefined;
  /** The content in front was judged already. */
  judged = false;
  /** Frames of our own that must not stand within the content under way. */
  after: Buffer[] = [];

  constructor(channel: number) {
    this.channel = channel;
  }
  /** Part of a message was passed on and the rest is to follow. */
  get open(): boolean {
    return (this.awaiting || this.bodyLeft > 0) && this.fate === FATE.pass && this.head.length === 0;
  }
  /** A method came where a content was not complete: whoever sent it has given that up. */
  abandon(): void {
    this.awaiting = false;
    this.bodyLeft = 0;
    this.fate = FATE.pass;
    this.judged = false;
    this.head.take();
  }
}
