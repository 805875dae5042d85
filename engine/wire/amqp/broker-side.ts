import type { Verdict } from '../effects.ts';
import type { Channel, Source } from './channel.ts';
import { ARGUMENTS, basicGetEmpty, closeOk, METHOD, methodOf, MULTIPLE, readTag, shortEnd, type Way } from './frames.ts';
import { FATE, type Fate, type Lane } from './lane.ts';
import { effectOf } from './extra.ts';
import { Side } from './side.ts';
import type { Stream } from './stream.ts';

/** What a delivery is taken for whose consumer nobody has heard of. */
const UNKNOWN: Source = { queue: Buffer.alloc(0), noAck: false };

/** What the broker says to the client: messages are delivered here, and publishes are confirmed. */
export class BrokerSide extends Side {
  protected override get stream(): Stream {
    return this.talk.down;
  }
  override lane(channel: number): Lane {
    return this.talk.channel(channel).broker;
  }
  protected override passes(channel: Channel, bytes: Buffer, at: number, stop: number): void {
    const tag = tagAt(bytes, at, stop);
    if (tag < 0) return;
    const { noAck } = this.#source(channel, bytes, at, stop);
    if (methodOf(bytes, at, stop) === METHOD.basicGetOk) channel.gets.shift();
    channel.deliveries.passed(bytes, tag, !noAck);
  }
  protected override sheltered(channel: Channel): boolean {
    return channel.transactional || channel.deliveries.doubtful();
  }
  protected override verdictOn(channel: Channel, bytes: Buffer, at: number, stop: number): Verdict | undefined {
    const { effects, protocol, name } = this.talk.link.route;
    const { queue } = this.#source(channel, bytes, at, stop);
    return effects.judge(protocol, name, queue, 0, queue.length, this.talk.message);
  }
  protected override queueOf(channel: Channel, bytes: Buffer, at: number, stop: number): Buffer {
    return this.#source(channel, bytes, at, stop).queue;
  }
  #source(channel: Channel, bytes: Buffer, at: number, stop: number): Source {
    if (methodOf(bytes, at, stop) === METHOD.basicGetOk) return channel.gets[0] ?? UNKNOWN;
    const from = at + ARGUMENTS;
    return channel.consumer(bytes, from + 1, shortEnd(bytes, from, stop)) ?? UNKNOWN;
  }

  protected override fail(channel: Channel, verdict: Extract<Verdict, { act: 'fail' }>, bytes: Buffer, at: number, stop: number): void {
    const effect = effectOf(verdict);
    if (effect === 'connection') this.talk.failConnection(verdict, 0);
    else if (effect === 'channel') this.talk.failChannel(channel, verdict, 0);
    else this.#withhold(channel, effect, bytes, at, stop);
  }
  #withhold(channel: Channel, way: Way, bytes: Buffer, at: number, stop: number): void {
    const tagged = tagAt(bytes, at, stop);
    if (tagged < 0) return;
    const { noAck } = this.#source(channel, bytes, at, stop);
    channel.deliveries.withheld(readTag(bytes, tagged), noAck ? undefined : way);
    if (methodOf(bytes, at, stop) !== METHOD.basicGetOk) return;
    channel.gets.shift();
    this.talk.down.insert(basicGetEmpty(channel.number));
  }
  protected override stray(_channel: Channel): Fate {
    return FATE.pass;
  }

  protected override method(channel: Channel, lane: Lane, bytes: Buffer, at: number, stop: number): Fate {
    const { talk } = this;
    const method = methodOf(bytes, at, stop);
    const from = at + ARGUMENTS;
    switch (method) {
      case METHOD.basicDeliver:
        if (talk.state === 'failing' || channel.state === 'failing') return this.begin(lane, FATE.discard);
        return this.content(channel, lane, bytes, at, stop);
      case METHOD.basicGetOk:
        return this.content(channel, lane, bytes, at, stop);
      case METHOD.basicReturn:
        return this.begin(lane, FATE.pass);
      case METHOD.basicGetEmpty:
        channel.gets.shift();
        return FATE.pass;
      case METHOD.basicAck:
      case METHOD.basicNack: {
        if (stop < from + 10) return FATE.pass;
        const multiple = ((bytes[from + 8] as number) & MULTIPLE) !== 0;
        return channel.confirms.settled(readTag(bytes, from), multiple, method === METHOD.basicAck) ? FATE.pass : FATE.discard;
      }
      case METHOD.basicConsumeOk: {
        const asked = channel.consumes.shift();
        const end = shortEnd(bytes, from, stop);
        if (asked === undefined || end < 0) return FATE.pass;
        const tag = Buffer.from(bytes.subarray(from + 1, end));
        channel.addConsumer({ tag, queue: channel.queueOf(asked.name), noAck: asked.noAck });
        if (asked.leaves === true) channel.leaveConsumer(tag);
        return FATE.pass;
      }
      case METHOD.basicCancel:
      case METHOD.basicCancelOk: {
        const end = shortEnd(bytes, from, stop);
        if (end > 0) channel.removeConsumer(bytes.subarray(from + 1, end));
        return FATE.pass;
      }
      case METHOD.queueDeclareOk: {
        const end = shortEnd(bytes, from, stop);
        if (end > 0) channel.lastQueue = Buffer.from(bytes.subarray(from + 1, end));
        return FATE.pass;
      }
      case METHOD.channelFlowOk:
        return channel.deliveries.flowAnswered() ? FATE.discard : FATE.pass;
      case METHOD.channelCloseOk:
        return this.#channelClosed(channel);
      case METHOD.channelClose:
        return this.#channelCloses(channel);
      case METHOD.connectionCloseOk:
        return this.#closed();
      case METHOD.connectionClose:
        return this.#closes();
      default:
        return FATE.pass;
    }
  }

  #channelClosed(channel: Channel): Fate {
    if (channel.ownCloses > 0) {
      channel.ownCloses--;
      return FATE.discard;
    }
    if (channel.state !== 'failing' || channel.clientCloses) {
      channel.reset();
      return FATE.pass;
    }
    this.talk.down.insert(channel.verdict);
    channel.state = 'failed';
    return FATE.discard;
  }
  /** While it is failing, both ends have said so at once: the broker's reason is the one that the client hears. */
  #channelCloses(channel: Channel): Fate {
    if (channel.state === 'failing') {
      this.talk.up.say(channel.client, closeOk(channel.number));
      if (!channel.clientCloses) channel.ownCloses++;
      channel.state = 'failed';
    } else if (channel.state === 'open') channel.state = 'closing';
    return FATE.pass;
  }
  #closed(): Fate {
    const { talk } = this;
    if (talk.state !== 'failing' || talk.clientCloses) return FATE.pass;
    talk.tellFailure();
    return FATE.discard;
  }
  #closes(): Fate {
    const { talk } = this;
    if (talk.state === 'failing') {
      talk.up.say(talk.channel(0).client, closeOk(0));
      talk.state = 'failed';
    } else talk.state = 'closing';
    talk.releaseDown();
    return FATE.pass;
  }
}

/** Where the delivery tag stands in the frame at `at` of basic.deliver or basic.get-ok; -1 when the frame is too short. */
function tagAt(bytes: Buffer, at: number, stop: number): number {
  const from = at + ARGUMENTS;
  const tag = methodOf(bytes, at, stop) === METHOD.basicDeliver ? shortEnd(bytes, from, stop) : from;
  return tag < 0 || tag + 8 > stop - 1 ? -1 : tag;
}
