import assert from 'node:assert/strict';
import { AmqpSession } from '../../../engine/wire/amqp/amqp.ts';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import { FakeLink } from '../fake-link.ts';
import { policy } from '../parts.ts';
import * as amqp from './words.ts';

/** How messages are settled. */
export type Way = 'ack' | 'nack' | 'requeue';
export const WAYS: readonly Way[] = ['ack', 'nack', 'requeue'];

/** Frames on their way, each there a number of ticks after it was sent. */
class Pipe {
  readonly #frames: { readonly bytes: Buffer; readonly due: number }[] = [];
  push(bytes: Buffer, due: number): void {
    this.#frames.push({ bytes, due });
  }
  /** The next frame that has come by now. */
  take(now = Infinity): Buffer | undefined {
    return (this.#frames[0]?.due ?? Infinity) <= now ? this.#frames.shift()?.bytes : undefined;
  }
  get size(): number {
    return this.#frames.length;
  }
}

/**
 * A broker and a client with a session between them, and every frame under way until the test lets it come: in any order
 * of events that is possible. Both keep their own books of deliveries, as the specification has them.
 */
export class Ends {
  readonly link: FakeLink;
  readonly #prefetch: number;
  /** Ticks that a frame takes on each of the four ways. */
  readonly #delay: number;
  now = 0;
  readonly up = new Pipe();
  readonly toBroker = new Pipe();
  readonly down = new Pipe();
  readonly toClient = new Pipe();
  /** The broker's books: what was sent, what of that waits, and how the rest was settled. */
  sent = 0;
  readonly outstanding = new Set<number>();
  readonly settled = new Map<number, Way>();
  /** The client's books: the broker's number of each message by its own, and how it settled them. */
  readonly received: number[] = [];
  readonly #unsettled = new Set<number>();
  readonly own = new Map<number, Way>();
  /** Each "all so far": how, and how many messages the client had. */
  readonly alls: { readonly way: Way; readonly had: number }[] = [];
  /** From this on the client knows that no "all so far" of its own has settled a message. */
  #safeFrom = 1;
  /** For each channel.flow not yet answered: how many "all so far" were said before it. */
  readonly #flows: number[] = [];

  /** @param prefetch 0 = no limit. */
  constructor(prefetch: number, delay = 0) {
    [this.#prefetch, this.#delay] = [prefetch, delay];
    this.link = new FakeLink('rabbitmq', (of) => new AmqpSession(of));
    this.link.client(Buffer.concat([amqp.GREETING, amqp.open(1), amqp.consume(1, 'orders', 'c')]));
    this.link.upstream(Buffer.concat([amqp.openOk(1), amqp.consumeOk(1, 'c')])).clear();
  }
  install(...policies: Partial<WirePolicy>[]): void {
    this.link.route.effects.install(policies.map((one, slot) => ({ policy: policy({ protocol: 'rabbitmq', ...one }), slot })));
  }

  /** The broker sends the next message, unless the client has as many as it may have. */
  send(): boolean {
    if (this.#prefetch > 0 && this.outstanding.size >= this.#prefetch) return false;
    this.outstanding.add(++this.sent);
    this.down.push(amqp.deliver(1, 'c', this.sent, String(this.sent)), this.now + this.#delay);
    return true;
  }
  /** Each of these lets one frame come, if there is one. */
  brokerReads(): boolean {
    const frame = this.toBroker.take(this.now);
    if (frame !== undefined) this.#obey(frame);
    return frame !== undefined;
  }
  wireReadsDown(): boolean {
    const frame = this.down.take(this.now);
    if (frame !== undefined) this.#carry(() => this.link.upstream(frame));
    return frame !== undefined;
  }
  wireReadsUp(): boolean {
    const frame = this.up.take(this.now);
    if (frame !== undefined) this.#carry(() => this.link.client(frame));
    return frame !== undefined;
  }
  clientReads(): boolean {
    const frame = this.toClient.take(this.now);
    const word = frame === undefined ? '' : (amqp.told(frame)[0] ?? '');
    const body = /^1 body (\d+)$/.exec(word);
    const deliver = /^1 deliver (\d+)$/.exec(word);
    if (deliver !== null) assert.equal(Number(deliver[1]), this.received.length + 1, 'the client can count');
    if (body !== null) this.#unsettled.add(this.received.push(Number(body[1])));
    if (word === '1 flow-ok' && this.#flows.shift() === this.alls.length) this.#safeFrom = Math.min(this.#safeFrom, this.received.length + 1);
    return frame !== undefined;
  }
  /** Until nothing is under way any more. */
  quiet(): void {
    do {
      while (this.clientReads() || this.wireReadsUp() || this.wireReadsDown() || this.brokerReads());
      this.now++;
    } while (this.up.size + this.toBroker.size + this.down.size + this.toClient.size > 0);
  }

  /** What the client may name without risking that it is settled. */
  #safe(): number[] {
    return [...this.#unsettled].filter((tag) => tag >= this.#safeFrom);
  }
  #settles(tags: Iterable<number>, way: Way): void {
    for (const tag of tags) {
      this.#unsettled.delete(tag);
      this.own.set(tag, way);
    }
  }
  settleAll(way: Way): void {
    // With as many as it may have, all of which it knows to be unsettled, none can be under way.
    const full = this.#prefetch > 0 && this.#safe().length === this.#prefetch;
    this.#safeFrom = full ? this.received.length + 1 : Infinity;
    this.alls.push({ way, had: this.received.length });
    this.#settles(this.#unsettled, way);
    this.#say(way === 'ack' ? amqp.ack(1, 0, true) : amqp.nack(1, 0, true, way === 'requeue'));
  }
  /** Settles one of the messages that it may name, or all up to it. */
  settle(choice: number, way: Way, multiple: boolean): void {
    const safe = this.#safe();
    const tag = safe[choice % safe.length];
    if (tag === undefined) return;
    this.#settles(multiple ? [...this.#unsettled].filter((other) => other <= tag) : [tag], way);
    if (way === 'ack') this.#say(amqp.ack(1, tag, multiple));
    else this.#say(multiple || choice % 2 === 0 ? amqp.nack(1, tag, multiple, way === 'requeue') : amqp.reject(1, tag, way === 'requeue'));
  }
  askFlow(): void {
    this.#flows.push(this.alls.length);
    this.#say(amqp.flow(1));
  }
  publish(): void {
    this.#say(amqp.publish(1, 'other', 'x'));
  }

  /** Holds the books against each other when nothing is under way. `withheld` says how policies settle. */
  check(withheld: readonly Way[]): void {
    const ways = WAYS.map((way) => ({ way, had: Math.min(...this.alls.filter((one) => one.way === way).map(({ had }) => had)) }));
    for (const [index, message] of this.received.entries()) {
      const own = this.own.get(index + 1);
      const really = this.settled.get(message);
      // What an "all so far" may have settled that was said before the message came.
      const early = ways.filter(({ had }) => had <= index).map(({ way }) => way);
      if (really === undefined) assert.equal(own, undefined, `the client has settled ${message}, and the broker waits for it`);
      else assert.ok(own === really || early.includes(really), `${message} is settled: ${really}, by the client: ${own}`);
    }
    const had = new Set(this.received);
    for (let message = 1; message <= this.sent; message++) {
      if (had.has(message)) continue;
      assert.ok(withheld.includes(this.settled.get(message) as Way), `${message} did not come and is not settled as the policy says`);
    }
    assert.deepEqual(this.received, this.received.toSorted((a, b) => a - b));
  }

  #say(bytes: Buffer): void {
    this.up.push(bytes, this.now + this.#delay);
  }
  #carry(act: () => void): void {
    act();
    for (const frame of framesOf(this.link.upstreamGot)) this.toBroker.push(frame, this.now + this.#delay);
    for (const frame of framesOf(this.link.clientGot)) this.toClient.push(frame, this.now + this.#delay);
    this.link.clear();
  }
  #obey(frame: Buffer): void {
    const [, method = '', name = '0', ...flags] = (amqp.told(frame)[0] ?? '').split(' ');
    if (method === 'flow') return this.down.push(amqp.flowOk(1), this.now + this.#delay);
    if (method !== 'ack' && method !== 'nack' && method !== 'reject') return;
    const [tag, multiple] = [Number(name), flags.includes('multiple')];
    const way = method === 'ack' ? 'ack' : flags.includes('requeue') ? 'requeue' : 'nack';
    const all = tag === 0 && multiple;
    assert.ok(all || this.outstanding.has(tag), `unknown delivery tag ${tag}`);
    for (const one of this.outstanding) {
      if (!all && (multiple ? one > tag : one !== tag)) continue;
      this.outstanding.delete(one);
      this.settled.set(one, way);
    }
  }
}

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) frames.push(bytes.subarray(at, (at += bytes.readUInt32BE(at + 3) + 8)));
  return frames;
}
