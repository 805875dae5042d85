import { Confirms } from './confirms.ts';
import { Deliveries } from './deliveries.ts';
import { Lane } from './lane.ts';

const NOTHING = Buffer.alloc(0);
/** So many consumers that were cancelled without an answer are remembered for what may be on its way to them. */
const MOST_LEAVING = 64;

/** Where deliveries come from, and whether the broker waits for them to be settled. */
export interface Source {
  readonly queue: Buffer;
  readonly noAck: boolean;
}
export interface Consumer extends Source {
  readonly tag: Buffer;
}
/** A basic.consume that the broker has not answered. */
interface Asked {
  readonly name: Buffer;
  readonly tag: Buffer;
  readonly noAck: boolean;
  /** It was cancelled meanwhile. */
  leaves?: boolean;
}

/**
 * `open`: as client and broker know it. `closing`: one of them has said so. `failing`: we have told the broker to close it,
 * and the client will hear of it when that is done. `failed`: the client was told and has not answered.
 */
export type ChannelState = 'open' | 'closing' | 'failing' | 'failed';

/** What is known of one channel: as much as is needed to name its messages and to keep both ends' numbers right. */
export class Channel {
  readonly number: number;
  readonly client: Lane;
  readonly broker: Lane;
  readonly #tell: (frame: Buffer) => void;
  readonly #tellBroker: (frame: Buffer) => void;
  state: ChannelState = 'open';
  /** While `failing`: what the client will be told. */
  verdict: Buffer = NOTHING;
  /** The client has asked to close the channel, and waits for the answer. */
  clientCloses = false;
  /** How many channel.close-ok of the broker answer to us and not to the client. */
  ownCloses = 0;
  transactional = false;
  confirms: Confirms;
  deliveries: Deliveries;
  /** The queue that an empty name stands for: the last that was declared on the channel (AMQP 0-9-1, queue.declare). */
  lastQueue: Buffer = NOTHING;
  /** Asked and not yet answered, in order. */
  consumes: Asked[] = [];
  gets: Source[] = [];
  #consumers: Consumer[] = [];
  /** The tags of those that were cancelled without an answer, the oldest first. */
  #leaving: Buffer[] = [];
  #found = 0;

  /** `tell` and `tellBroker` give the one or the other a frame of our own on this channel. */
  constructor(number: number, tell: (channel: Channel, frame: Buffer) => void, tellBroker: (channel: Channel, frame: Buffer) => void) {
    this.number = number;
    this.client = new Lane(number);
    this.broker = new Lane(number);
    this.#tell = (frame) => tell(this, frame);
    this.#tellBroker = (frame) => tellBroker(this, frame);
    this.confirms = new Confirms(number, this.#tell);
    this.deliveries = new Deliveries(number, this.#tellBroker);
  }
  /** The channel is closed on both sides, and may be opened anew. */
  reset(): void {
    this.state = 'open';
    this.verdict = NOTHING;
    this.clientCloses = this.transactional = false;
    this.confirms = new Confirms(this.number, this.#tell);
    this.deliveries = new Deliveries(this.number, this.#tellBroker);
    this.lastQueue = NOTHING;
    this.consumes = [];
    this.gets = [];
    this.#consumers = [];
    this.#leaving = [];
    this.#found = 0;
  }
  /** The name as it is, or the queue that an empty one stands for; copied. */
  queueOf(name: Uint8Array): Buffer {
    return name.length === 0 ? this.lastQueue : Buffer.from(name);
  }

  addConsumer(consumer: Consumer): void {
    this.removeConsumer(consumer.tag);
    this.#consumers.push(consumer);
  }
  removeConsumer(tag: Buffer): void {
    this.#consumers = this.#consumers.filter((one) => !one.tag.equals(tag));
    this.#leaving = this.#leaving.filter((one) => !one.equals(tag));
  }
  /** The client cancels it and wants no answer, so nobody says when the last delivery has come. */
  leaveConsumer(tag: Buffer): void {
    const asked = this.consumes.find((one) => one.tag.equals(tag));
    if (asked !== undefined) asked.leaves = true;
    else if (this.#consumers.some((one) => one.tag.equals(tag))) this.#leaving.push(Buffer.from(tag));
    if (this.#leaving.length > MOST_LEAVING) this.removeConsumer(this.#leaving[0] as Buffer);
  }
  /** The consumer whose tag is bytes[start, end). Most often the last one found, or the one behind it. */
  consumer(bytes: Buffer, start: number, end: number): Consumer | undefined {
    const all = this.#consumers;
    for (let n = 0; n < all.length; n++) {
      const index = (this.#found + n) % all.length;
      const one = all[index] as Consumer;
      if (one.tag.length !== end - start || one.tag.compare(bytes, start, end) !== 0) continue;
      this.#found = index;
      return one;
    }
    return undefined;
  }
}
