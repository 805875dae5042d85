import type { Link, Session } from '../session.ts';
import { BrokerSide } from './broker-side.ts';
import { ClientSide } from './client-side.ts';
import { Conversation } from './conversation.ts';
import { PROTOCOL_HEADER } from './frames.ts';
import { Stream } from './stream.ts';

/** The first octet of a TLS handshake (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;

/**
 * AMQP 0-9-1 as RabbitMQ speaks it. Each direction is a stream of frames of many channels; see conversation.ts for what
 * the two have in common, client-side.ts and broker-side.ts for what each says.
 */
export class AmqpSession implements Session {
  readonly #link: Link;
  readonly #talk: Conversation;
  readonly #up: Stream;
  readonly #down: Stream;
  /** How much of the protocol header has come. */
  #greeted = 0;

  constructor(link: Link) {
    this.#link = link;
    this.#talk = new Conversation(link);
    const lost = (why: string): void => this.#lost(why);
    this.#up = this.#talk.up = new Stream(new ClientSide(this.#talk, lost), link, (bytes) => link.toUpstream(bytes));
    this.#down = this.#talk.down = new Stream(new BrokerSide(this.#talk, lost), link, (bytes) => link.toClient(bytes));
  }
  get full(): boolean {
    return this.#up.full;
  }
  get upstreamFull(): boolean {
    return this.#down.full;
  }

  fromClient(bytes: Buffer, length: number): void {
    const greeting = this.#greeted < PROTOCOL_HEADER.length ? this.#greet(bytes, length) : 0;
    if (greeting < length) this.#up.receive(greeting === 0 ? bytes : bytes.subarray(greeting, length), length - greeting);
    this.#talk.flush();
  }
  fromUpstream(bytes: Buffer, length: number): void {
    this.#down.receive(bytes, length);
    this.#talk.flush();
  }
  clientEnded(): void {
    this.#talk.clientOver = true;
    this.#talk.flush();
    if (this.#talk.state === 'failed') this.#talk.over();
  }
  /** What waits on its way to the client goes at once; one that was promised an error gets it. */
  upstreamEnded(): void {
    const talk = this.#talk;
    if (talk.state === 'failed') return;
    if (talk.state === 'failing') {
      talk.tellFailure();
      return talk.flush();
    }
    talk.state = 'closing';
    talk.releaseDown();
    this.#down.finish(talk.lanes('broker'));
    this.#link.endClient();
  }
  upstreamFailed(_error: Error, _reached: boolean): void {
    if (this.#talk.state !== 'failed') this.#link.reset();
  }
  closed(): void {
    for (const lane of [...this.#talk.lanes('client'), ...this.#talk.lanes('broker')]) this.#talk.cancel(lane);
  }

  /** Passes on what belongs to the protocol header. Returns how much that was. */
  #greet(bytes: Buffer, length: number): number {
    const end = Math.min(length, PROTOCOL_HEADER.length - this.#greeted);
    for (let at = 0; at < end; at++) {
      if (bytes[at] === PROTOCOL_HEADER[this.#greeted + at]) continue;
      const encrypted = this.#greeted + at === 0 && bytes[0] === TLS_HANDSHAKE;
      this.#greeted = PROTOCOL_HEADER.length;
      this.#lost(encrypted ? 'the client speaks TLS' : 'the client does not speak AMQP 0-9-1');
      return 0;
    }
    this.#greeted += end;
    this.#link.toUpstream(bytes.subarray(0, end));
    return end;
  }
  /** From here on both directions pass as they come. */
  #lost(why: string): void {
    const talk = this.#talk;
    this.#link.notUnderstood(why);
    talk.settleLate();
    for (const end of ['client', 'broker'] as const) for (const lane of talk.lanes(end)) talk.cancel(lane);
    this.#up.surrender(talk.lanes('client'));
    this.#down.surrender(talk.lanes('broker'));
  }
}
