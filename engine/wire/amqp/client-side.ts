import type { Verdict } from '../effects.ts';
import type { Channel } from './channel.ts';
import { ARGUMENTS, closeOk, METHOD, methodOf, shortEnd } from './frames.ts';
import { FATE, type Fate, type Lane } from './lane.ts';
import { exchangeOf } from './message.ts';
import { effectOf } from './extra.ts';
import { Side } from './side.ts';
import type { Stream } from './stream.ts';

/** The bits of queue.declare, basic.consume and basic.cancel that say: do not answer; and the one of basic.consume for no-ack. */
const DECLARE_NOWAIT = 16;
const CONSUME_NOWAIT = 8;
const CANCEL_NOWAIT = 1;
const CONSUME_NOACK = 2;
const SETTLING: readonly number[] = [METHOD.basicAck, METHOD.basicNack, METHOD.basicReject];

/** What the client says to the broker: messages are published here, and deliveries are settled. */
export class ClientSide extends Side {
  protected override get stream(): Stream {
    return this.talk.up;
  }
  override lane(channel: number): Lane {
    return this.talk.channel(channel).client;
  }
  protected override passes(channel: Channel): void {
    channel.confirms.passed();
  }
  protected override sheltered(channel: Channel): boolean {
    return channel.transactional;
  }
  protected override verdictOn(_channel: Channel, bytes: Buffer, at: number, stop: number): Verdict | undefined {
    const { effects, protocol, name } = this.talk.link.route;
    const key = shortEnd(bytes, exchangeOf(bytes, at, stop), stop);
    const end = shortEnd(bytes, key, stop);
    return end < 0 ? undefined : effects.judge(protocol, name, bytes, key + 1, end, this.talk.message);
  }
  protected override fail(channel: Channel, verdict: Extract<Verdict, { act: 'fail' }>): void {
    const effect = effectOf(verdict);
    if (effect === 'connection') this.talk.failConnection(verdict, METHOD.basicPublish);
    else if (effect === 'channel') this.talk.failChannel(channel, verdict, METHOD.basicPublish);
    else channel.confirms.withheld(effect === 'ack');
  }
  /** Once a failure is under way, the client talks to nobody until it knows. */
  protected override stray(channel: Channel): Fate {
    return this.#deaf(channel) ? FATE.discard : FATE.pass;
  }
  #deaf({ state }: Channel): boolean {
    const { state: whole } = this.talk;
    return state === 'failing' || state === 'failed' || whole === 'failing' || whole === 'failed';
  }

  protected override method(channel: Channel, lane: Lane, bytes: Buffer, at: number, stop: number): Fate {
    const method = methodOf(bytes, at, stop);
    if (this.#deaf(channel)) return this.#afterFailure(channel, lane, method);
    // Whatever else the client asks, it counts on what it has settled.
    if (channel.deliveries.late && method !== METHOD.basicPublish && !SETTLING.includes(method)) channel.deliveries.settleLate();
    const from = at + ARGUMENTS;
    switch (method) {
      case METHOD.basicPublish:
        return this.content(channel, lane, bytes, at, stop);
      case METHOD.basicAck:
      case METHOD.basicNack:
      case METHOD.basicReject: {
        if (stop < from + 10) return FATE.pass;
        return this.#settle(channel, bytes, at, method);
      }
      case METHOD.basicConsume:
        this.#consume(channel, bytes, from, stop);
        return FATE.pass;
      case METHOD.basicCancel: {
        const end = shortEnd(bytes, from, stop);
        if (end > 0 && bytes[end] === CANCEL_NOWAIT) channel.leaveConsumer(bytes.subarray(from + 1, end));
        return FATE.pass;
      }
      case METHOD.basicGet: {
        const end = shortEnd(bytes, from + 2, stop);
        if (end > 0) channel.gets.push({ queue: channel.queueOf(bytes.subarray(from + 3, end)), noAck: bytes[end] === 1 });
        return FATE.pass;
      }
      case METHOD.queueDeclare: {
        const end = shortEnd(bytes, from + 2, stop);
        if (end > 0 && ((bytes[end] as number) & DECLARE_NOWAIT) !== 0) channel.lastQueue = channel.queueOf(bytes.subarray(from + 3, end));
        return FATE.pass;
      }
      case METHOD.basicRecover:
      case METHOD.basicRecoverAsync:
        channel.deliveries.recovered();
        return FATE.pass;
      case METHOD.channelFlow:
        channel.deliveries.flowAsked();
        return FATE.pass;
      case METHOD.confirmSelect:
        channel.confirms.on = true;
        return FATE.pass;
      case METHOD.txSelect:
        channel.transactional = true;
        return FATE.pass;
      case METHOD.channelClose:
        channel.state = 'closing';
        return FATE.pass;
      case METHOD.channelCloseOk:
        channel.reset();
        return FATE.pass;
      case METHOD.connectionClose:
        if (this.talk.clientWaits) {
          lane.waiting = true;
          return FATE.hold;
        }
        this.talk.settleLate();
        this.talk.state = 'closing';
        return FATE.pass;
      default:
        return FATE.pass;
    }
  }
  #settle({ deliveries, transactional }: Channel, bytes: Buffer, at: number, method: number): Fate {
    const { effects, protocol, name } = this.talk.link.route;
    // A transaction may be rolled back: nobody but the broker knows what is settled then.
    const exact = !transactional && (deliveries.renumbered || effects.gate(protocol, name));
    return deliveries.settle(bytes, at, method, exact);
  }
  #consume(channel: Channel, bytes: Buffer, from: number, stop: number): void {
    const name = shortEnd(bytes, from + 2, stop);
    const tag = shortEnd(bytes, name, stop);
    if (tag < 0 || tag >= stop) return;
    const flags = bytes[tag] as number;
    const asked = {
      name: Buffer.from(bytes.subarray(from + 3, name)),
      tag: Buffer.from(bytes.subarray(name + 1, tag)),
      noAck: (flags & CONSUME_NOACK) !== 0,
    };
    if ((flags & CONSUME_NOWAIT) !== 0) channel.addConsumer({ ...asked, queue: channel.queueOf(asked.name) });
    else channel.consumes.push(asked);
  }

  #afterFailure(channel: Channel, lane: Lane, method: number): Fate {
    const { talk } = this;
    switch (method) {
      case METHOD.basicPublish:
        return this.begin(lane, FATE.discard);
      case METHOD.connectionClose:
        talk.clientCloses = true;
        if (talk.state === 'failed') talk.down.say(talk.channel(0).broker, closeOk(0));
        // Its channels may be failing while the connection is not.
        return talk.state === 'failing' || talk.state === 'failed' ? FATE.discard : FATE.pass;
      case METHOD.connectionCloseOk:
        if (talk.state === 'failed') talk.over();
        return FATE.discard;
      case METHOD.channelClose:
        channel.clientCloses = true;
        if (channel.state === 'failed') talk.down.say(channel.broker, closeOk(channel.number));
        return FATE.discard;
      case METHOD.channelCloseOk:
        if (channel.state === 'failed') channel.reset();
        return FATE.discard;
      default:
        return FATE.discard;
    }
  }
}
