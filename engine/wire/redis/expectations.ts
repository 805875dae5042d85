import { type ReplyScanner, TYPE } from './reply-scanner.ts';

/** What is special about an answer that the server owes. */
export interface Owed {
  readonly kind: 'multi' | 'hello' | 'select' | 'reset' | 'monitor' | 'unclear' | 'subscribe' | 'unsubscribe' | 'discarded';
  /** Answers before this one, from the beginning of the connection. */
  at: number;
  /** hello: the version asked for; select: the database before; subscribe, unsubscribe: confirmations still to come, -1 = one for each subscription. */
  number: number;
  /** unsubscribe: of what; see SUBSCRIBED. */
  readonly what?: number;
  /** discarded: what the client gets instead; undefined = nothing. */
  readonly instead?: Buffer | undefined;
}

/** What a whole value of the server was. */
export const ARRIVED = { answer: 0, aside: 1, replace: 2, opaque: 3 } as const;

/** Channels, patterns, shard channels. */
export const SUBSCRIBED = { channels: 0, patterns: 1, shards: 2 } as const;
/** Which of these a word of a confirmation or a command is about. */
export const whatOf = (word: string): number =>
  word.startsWith('p') ? SUBSCRIBED.patterns : word.startsWith('ss') || word.startsWith('sun') ? SUBSCRIBED.shards : SUBSCRIBED.channels;

/**
 * Which of the server's values are answers, and to what: the others are messages of channels, pushes and lines of
 * MONITOR. Answers are only counted; of those that change how the connection is to be read there is a list.
 */
export class Expectations {
  /** Of RESP. */
  version = 2;
  db = 0;
  /** The server is within MULTI, as far as its answers to what was sent can tell. */
  inMulti = false;
  #sent = 0;
  #got = 0;
  #special: Owed[] = [];
  #monitoring = false;
  readonly #subscribed = [0, 0, 0];

  /** Answers that are still to come. */
  get outstanding(): number {
    return this.#sent - this.#got;
  }
  /** Whether the server takes next to nothing from this client, because it subscribed to something in RESP2. */
  get subscriber(): boolean {
    return this.version === 2 && (this.#subscribed.some((count) => count > 0) || this.#special.some(({ kind }) => kind === 'subscribe'));
  }
  expect(): void {
    this.#sent++;
  }
  expectSpecial(owed: Omit<Owed, 'at'>): void {
    this.#special.push({ ...owed, at: this.#sent });
    this.#sent++;
  }
  /** Whether the value that is under way is to be kept from the client. */
  replaces({ type }: ReplyScanner): boolean {
    return this.#next?.kind === 'discarded' && !this.#monitoring && (type === TYPE.text || type === TYPE.error);
  }
  /** What the client gets for the value that `arrived` told to replace. */
  instead: Buffer | undefined;

  /** A value is complete; one of ARRIVED. */
  arrived(reply: ReplyScanner): number {
    if (reply.resp3) {
      this.version = 3;
      reply.resp3 = false;
    }
    const owed = this.#next;
    if (owed === undefined) {
      if (this.#isAside(reply)) return ARRIVED.aside;
      this.#got++;
      return ARRIVED.answer;
    }
    return this.#arrivedFor(owed, reply);
  }

  get #next(): Owed | undefined {
    const owed = this.#special[0];
    return owed !== undefined && owed.at === this.#got ? owed : undefined;
  }
  /** Whether nobody asked for it. */
  #isAside(reply: ReplyScanner): boolean {
    const { type } = reply;
    if (type === TYPE.push || this.#got === this.#sent) {
      this.#count(reply);
      return true;
    }
    // Each line begins with the time of the day (replicationFeedMonitors).
    if (this.#monitoring && type === TYPE.text && reply.first >= 0x30 && reply.first <= 0x39) return true;
    // In RESP3 they are pushes.
    return type === TYPE.array && this.version === 2 && this.#subscribed.some((count) => count > 0) && /^[ps]?message$/.test(reply.word);
  }
  /** Takes over what a confirmation says of the subscriptions. Returns whether it is one. */
  #count(reply: ReplyScanner): boolean {
    const { word } = reply;
    if (!/^[ps]?(un)?subscribe$/.test(word)) return false;
    const what = whatOf(word);
    const { channels, patterns, shards } = SUBSCRIBED;
    const others = what === shards ? 0 : (this.#subscribed[what === channels ? patterns : channels] as number);
    this.#subscribed[what] = Math.max(0, reply.integer - others);
    return true;
  }

  #arrivedFor(owed: Owed, reply: ReplyScanner): number {
    const failed = reply.type === TYPE.error || reply.type === TYPE.bulkError;
    if (owed.kind === 'subscribe' || owed.kind === 'unsubscribe') return this.#confirmed(owed, reply, failed);
    if (this.#isAside(reply)) return ARRIVED.aside;
    this.#special.shift();
    this.#got++;
    switch (owed.kind) {
      case 'multi':
        if (failed) this.inMulti = false;
        break;
      case 'hello':
        if (!failed) this.version = owed.number;
        break;
      case 'select':
        if (failed) this.db = owed.number;
        break;
      case 'reset':
        if (!failed) this.#reset();
        break;
      case 'monitor':
        if (!failed) this.#monitoring = true;
        break;
      case 'unclear':
        return failed ? ARRIVED.answer : ARRIVED.opaque;
      case 'discarded':
        this.instead = owed.instead;
        return ARRIVED.replace;
    }
    return ARRIVED.answer;
  }
  /** One confirmation for each channel, as an array or, in RESP3, as a push; or one error for all. */
  #confirmed(owed: Owed, reply: ReplyScanner, failed: boolean): number {
    // Known only now: what was subscribed to when the server came to it.
    if (owed.number < 0) owed.number = Math.max(1, this.#subscribed[owed.what ?? SUBSCRIBED.channels] as number);
    const confirms = (reply.type === TYPE.push || reply.type === TYPE.array) && reply.word.endsWith('subscribe') && this.#count(reply);
    if (!failed && !confirms) return ARRIVED.aside;
    owed.number = failed ? 0 : owed.number - 1;
    if (owed.number <= 0) {
      this.#special.shift();
      this.#got++;
    }
    return ARRIVED.answer;
  }
  #reset(): void {
    this.version = 2;
    this.db = 0;
    this.#monitoring = false;
    this.#subscribed.fill(0);
  }
}
