import type { Verdict } from '../effects.ts';
import type { Link } from '../session.ts';
import { Channel } from './channel.ts';
import { close } from './frames.ts';
import { FATE, type Fate, Lane } from './lane.ts';
import { Message } from './message.ts';
import type { Stream } from './stream.ts';

/** Reply codes and their names (AMQP 0-9-1, 1.2, "Constants"). */
const REPLY_NAMES: Readonly<Record<number, string>> = {
  311: 'CONTENT_TOO_LARGE', 312: 'NO_ROUTE', 313: 'NO_CONSUMERS', 320: 'CONNECTION_FORCED', 402: 'INVALID_PATH', 403: 'ACCESS_REFUSED',
  404: 'NOT_FOUND', 405: 'RESOURCE_LOCKED', 406: 'PRECONDITION_FAILED', 501: 'FRAME_ERROR', 502: 'SYNTAX_ERROR', 503: 'COMMAND_INVALID',
  504: 'CHANNEL_ERROR', 505: 'UNEXPECTED_FRAME', 506: 'RESOURCE_ERROR', 530: 'NOT_ALLOWED', 540: 'NOT_IMPLEMENTED', 541: 'INTERNAL_ERROR',
};
/** What error_code 0 stands for: INTERNAL_ERROR. */
const DEFAULT_CODE = 541;
/** With what we close what the client believes to be open: "reply-success". */
const SUCCESS = 200;

/** As in ChannelState, for the whole connection. */
type ConnectionState = 'open' | 'closing' | 'failing' | 'failed';

/** What both directions of one connection share: its channels, and how a failure is carried out on both sides. */
export class Conversation {
  readonly link: Link;
  readonly message = new Message();
  readonly #channels = new Map<number, Channel>();
  #last: Channel | undefined;
  /** Less is held back than before, so more may be read. */
  #eased = false;
  state: ConnectionState = 'open';
  /** While `failing`: what the client will be told. */
  verdict: Buffer = Buffer.alloc(0);
  /** The client has asked to close the connection. */
  clientCloses = false;
  /** The client will send no more, and the broker has not heard of it yet. */
  clientOver = false;
  /** What the client says, on its way to the broker, and the other way round. */
  up!: Stream;
  down!: Stream;

  constructor(link: Link) {
    this.link = link;
  }
  channel(number: number): Channel {
    if (this.#last?.number === number) return this.#last;
    let channel = this.#channels.get(number);
    if (channel === undefined) {
      channel = new Channel(number, ({ broker }, frame) => this.down.say(broker, frame), ({ client }, frame) => this.up.say(client, frame));
      this.#channels.set(number, channel);
    }
    this.#last = channel;
    return channel;
  }
  lanes(end: 'client' | 'broker'): Lane[] {
    return [...this.#channels.values()].map((channel) => channel[end]);
  }
  /** Whether anything may be done to messages of the channel now. */
  mayJudge(channel: Channel): boolean {
    const { effects, protocol, name } = this.link.route;
    return this.state === 'open' && channel.state === 'open' && effects.gate(protocol, name);
  }
  /** At the end of whatever happened: what became possible is done, what was said is written. */
  flush(): void {
    if (this.link.closing) return;
    this.#catchUp();
    this.up.flush();
    this.down.flush();
    if (!this.#eased || this.link.closing) return;
    this.#eased = false;
    this.link.drained();
  }
  /** The end of a connection overtakes no message that waits on it. */
  #catchUp(): void {
    const zero = this.#channels.get(0)?.client;
    if ((!this.clientOver && zero?.waiting !== true) || this.clientWaits) return;
    if (zero?.waiting === true) this.up.release(zero);
    if (!this.clientOver) return;
    this.clientOver = false;
    this.settleLate();
    this.up.finish(this.lanes('client'));
    this.link.endUpstream();
  }
  /** Nothing that a client has settled is left unsettled by the end of a connection. */
  settleLate(): void {
    for (const { deliveries } of this.#channels.values()) deliveries.settleLate();
  }
  /** A message of the client waits. */
  get clientWaits(): boolean {
    return this.lanes('client').some(({ channel, waiting }) => waiting && channel !== 0);
  }

  /**
   * The message that is read from its method on waits, and its channel in this direction with it.
   * @param header where its content header begins behind the method's first octet, and `length` where that ends.
   */
  delay(stream: Stream, lane: Lane, verdict: Extract<Verdict, { act: 'delay' }>, header: number, length: number, queue: Buffer): Fate {
    lane.waiting = lane.judged = true;
    const describe = () => this.message.at(lane.held.peek(), 0, header, length, queue).describe();
    lane.hold = this.link.route.acts.delayed(verdict, { describe }, this.link, () => {
      lane.hold = undefined;
      this.#goOn(stream, lane);
    });
    lane.describe = describe;
    return FATE.hold;
  }
  #goOn(stream: Stream, lane: Lane): void {
    stream.release(lane);
    this.#eased = true;
    this.flush();
  }
  /** The message in front of the lane waits no longer. */
  cancel(lane: Lane): void {
    const hold = lane.hold;
    lane.hold = undefined;
    if (hold !== undefined && lane.describe !== undefined) this.link.route.acts.cancel(hold, { describe: lane.describe });
  }
  /** All that waits on its way to the client goes on now. */
  releaseDown(): void {
    for (const lane of this.lanes('broker')) {
      // What is released may wait anew, judged message by message, unless the connection is closing.
      if (!lane.waiting) continue;
      this.cancel(lane);
      this.down.release(lane);
      this.#eased = true;
    }
  }

  /**
   * The broker is told to close the channel; what it says until it has done so still counts, so that answers and confirms
   * that were under way arrive before the error, as they would. Then the client is told that the broker closed it.
   * @param cause the method that is said to have failed; 0 = none.
   */
  failChannel(channel: Channel, verdict: Extract<Verdict, { act: 'fail' }>, cause: number): void {
    channel.state = 'failing';
    channel.verdict = closing(channel.number, verdict, cause);
    channel.deliveries.settleLate();
    this.#forget(channel.client);
    this.cancel(channel.broker);
    if (channel.broker.waiting) this.down.release(channel.broker);
    this.#eased = true;
    this.up.say(channel.client, close(channel.number, SUCCESS, '', 0));
  }
  /** The same with the whole connection. */
  failConnection(verdict: Extract<Verdict, { act: 'fail' }>, cause: number): void {
    this.state = 'failing';
    this.verdict = closing(0, verdict, cause);
    this.settleLate();
    for (const lane of this.lanes('client')) this.#forget(lane);
    this.releaseDown();
    this.#eased = true;
    this.up.say(this.channel(0).client, close(0, SUCCESS, '', 0));
  }
  /** The client hears that the broker has closed the connection. */
  tellFailure(): void {
    this.state = 'failed';
    this.down.say(this.channel(0).broker, this.verdict);
  }
  /** The client knows, and says so: nothing more is to come. */
  over(): void {
    this.flush();
    this.link.close();
  }
  #forget(lane: Lane): void {
    this.cancel(lane);
    if (lane.waiting) this.up.forget(lane);
    // A content of which nothing has gone on yet; one under way is finished.
    if (!lane.open) lane.abandon();
  }
}

/** channel.close or connection.close as RabbitMQ writes it: `NOT_FOUND - no such queue`. */
function closing(channel: number, { refusal }: Extract<Verdict, { act: 'fail' }>, cause: number): Buffer {
  const code = refusal.code === 0 ? DEFAULT_CODE : refusal.code;
  const name = REPLY_NAMES[code] ?? '';
  const text = Buffer.from(refusal.body).toString('utf8');
  return close(channel, code, name === '' || text === '' ? name + text : `${name} - ${text}`, cause);
}
