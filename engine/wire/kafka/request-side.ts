import type { Hold } from '../holds.ts';
import { type Api, apiOf, PRODUCE, SASL_HANDSHAKE } from './apis.ts';
import { type Failure, judgeUnits, type Sentence } from './judge.ts';
import { Malformed, Reader } from './primitives.ts';
import { producedTo } from './produced-to.ts';
import { answerFrame, codeOf, refusal, requestFrame, takeOut, textOfFailure, toldOf } from './refusals.ts';
import { HEAD, RequestHead } from './request-head.ts';
import { read, type Struct } from './schema.ts';
import { Side } from './side.ts';
import { MAX_HELD, type Talk } from './talk.ts';
import { type Unit, unitsOf } from './units.ts';

/** A request that is judged, with bytes of its own. */
interface Judged {
  readonly api: Api;
  readonly version: number;
  readonly correlation: number;
  readonly bodyAt: number;
  readonly answered: boolean;
  readonly frame: Buffer;
  readonly request: Struct | undefined;
  readonly sentence: Sentence;
  /** It names topics that could not be judged, and that the broker must see. */
  readonly partly: boolean;
}

/**
 * The client's requests: where they end, which of them are judged, and what happens to these. A request that is held back, or is
 * refused and waits for the answers before it, holds up those behind it, as it does on a broker.
 */
export class RequestSide extends Side {
  readonly #head = new RequestHead();
  #waiting: { readonly judged: Judged; readonly for: 'delay' | 'turn' } | undefined;
  #hold: Hold | undefined;
  /** A client that never reads its refusals gets no more of them. */
  #refused = false;

  protected override get waits(): boolean {
    return this.#waiting !== undefined;
  }
  override get full(): boolean {
    return super.full || (this.#refused && this.talk.link.clientBackedUp);
  }
  override end(): void {
    this.talk.left = true;
    super.end();
  }
  closed(): void {
    const { link } = this.talk;
    const waiting = this.#waiting?.judged;
    if (this.#hold !== undefined && waiting !== undefined) link.route.acts.cancel(this.#hold, this.#describing(waiting));
    this.#hold = undefined;
  }
  /** All requests so far are answered, or nobody can tell any more. */
  turn(): void {
    if (this.#waiting?.for !== 'turn') return;
    const { judged } = this.#waiting;
    this.#waiting = undefined;
    this.#carryOut(judged);
    this.goOn();
  }

  protected override process(bytes: Buffer, end: number): number {
    const talk = this.talk;
    const head = this.#head;
    let from = 0;
    let at = 0;
    while (at < end && !talk.requestsOpaque) {
      if (this.passing > 0) {
        const step = Math.min(this.passing, end - at);
        this.passing -= step;
        at += step;
        continue;
      }
      const status = head.scan(bytes, at, end);
      if (status === HEAD.more) break;
      if (status === HEAD.odd) {
        talk.requestsOpaque = true;
        talk.link.notUnderstood(head.why);
        break;
      }
      const api = apiOf(head.key);
      if (!this.#isJudged(api)) {
        this.#pass(api, bytes, at, end);
        continue;
      }
      if (end - at < head.length) {
        this.need = head.length;
        talk.toUpstream(bytes, from, at);
        return at;
      }
      talk.toUpstream(bytes, from, at);
      this.#identify(bytes);
      from = at = at + head.length;
      const frame = bytes.subarray(at - head.length, at);
      this.#judge(api, this.owned ? frame : Buffer.from(frame));
      if (this.#waiting !== undefined || talk.link.closing) return at;
    }
    if (talk.requestsOpaque) at = end;
    talk.toUpstream(bytes, from, at);
    return at;
  }
  protected override finish(rest: Buffer): void {
    this.talk.toUpstream(rest, 0, rest.length);
    this.talk.link.endUpstream();
  }

  #isJudged(api: Api): boolean {
    const talk = this.talk;
    const head = this.#head;
    if (api.judged !== 'request' || talk.answersOpaque || !talk.judges(api)) return false;
    if (head.version > api.newest) return this.#strange(`${api.name} v${head.version} is newer than what is understood`);
    if (head.length > MAX_HELD) return this.#strange(`a request of ${head.length} bytes is larger than what is held to be judged`);
    return true;
  }
  #strange(why: string): false {
    this.talk.link.notUnderstood(why);
    return false;
  }
  /** Lets the request pass whose head was read last. */
  #pass(api: Api, bytes: Buffer, at: number, end: number): void {
    const { link, inFlight, subject } = this.talk;
    const { key, version, correlation, answered, length, bodyAt } = this.#head;
    const { acts, tap } = link.route;
    acts.seen();
    if (answered) inFlight.push(correlation, key, version);
    this.passing = length;
    if (subject.clientId === '' || tap.wantsPassing) this.#identify(bytes);
    // What is judged by its answer is told then.
    if (tap.wantsPassing && !(api.judged === 'answer' && this.talk.judges(api))) {
      const topic = key === PRODUCE ? producedTo(bytes, at + bodyAt, Math.min(end, at + length), version) : '';
      acts.passed(subject.request(api.name, version, correlation).part(topic, -1, undefined));
    }
    // What follows are bare tokens without any header (KIP-43).
    if (key === SASL_HANDSHAKE && version === 0) {
      this.talk.requestsOpaque = true;
      link.notUnderstood('SASL without the frames of Kafka (SaslHandshake v0)');
    }
  }
  #identify(bytes: Buffer): void {
    const { clientAt, clientEnd } = this.#head;
    if (clientEnd > clientAt) this.talk.subject.clientId = bytes.toString('utf8', clientAt, clientEnd);
  }

  #judge(api: Api, frame: Buffer): void {
    const { link, subject } = this.talk;
    const { acts } = link.route;
    const { version, correlation, bodyAt, answered } = this.#head;
    acts.seen();
    subject.request(api.name, version, correlation);
    let request: Struct | undefined;
    let sentence: Sentence;
    let partly = false;
    try {
      if (api.request !== undefined) request = read(api.request, version, new Reader(frame, bodyAt));
      const units = request === undefined ? [WHOLE] : unitsOf(api, request, () => {
        partly = true;
        link.notUnderstood(UNKNOWN);
      });
      sentence = judgeUnits(link.route, subject, units, false);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      link.notUnderstood(`a request of ${api.name} v${version} cannot be read: ${error.message}`);
      return this.#send(frame, answered);
    }
    const judged: Judged = { api, version, correlation, bodyAt, answered, frame, request, sentence, partly };
    if (sentence.delay !== undefined && sentence.drop === undefined) {
      this.#waiting = { judged, for: 'delay' };
      this.#hold = acts.delayed(sentence.delay.verdict, this.#describing(judged), link, () => this.#released(judged));
    } else this.#carryOut(judged);
  }
  #released(judged: Judged): void {
    this.#hold = undefined;
    this.#waiting = undefined;
    this.#carryOut(judged);
    this.goOn();
  }
  #describing({ api, version, correlation, sentence }: Judged): Pick<Talk['subject'], 'describe'> {
    const { subject } = this.talk;
    const unit = sentence.delay?.unit ?? WHOLE;
    return { describe: () => subject.request(api.name, version, correlation).part(unit.topic, unit.partition, unit.records).describe() };
  }

  /** What was decided, as far as it is still in force. What ends with an answer or the connection waits for its turn. */
  #carryOut(judged: Judged): void {
    const { link, inFlight, subject, answersOpaque } = this.talk;
    const { acts, effects } = link.route;
    const { api, version, correlation, frame, sentence } = judged;
    const drop = sentence.drop !== undefined && effects.inForce(sentence.drop.verdict.id) ? sentence.drop : undefined;
    const failures = answersOpaque ? [] : sentence.failures.filter(({ verdict }) => effects.inForce(verdict.id));
    subject.request(api.name, version, correlation);
    if (drop === undefined && failures.length === 0) {
      if (sentence.drop === undefined && sentence.failures.length === 0 && sentence.delay === undefined) this.#tellPassed(judged);
      return this.#send(frame, judged.answered, judged);
    }
    if (drop === undefined && (judged.partly || failures.length < sentence.parts)) return this.#sendPart(judged, failures);
    if (inFlight.count > 0) {
      this.#waiting = { judged, for: 'turn' };
      return;
    }
    if (drop !== undefined) {
      acts.dropped(drop.verdict, subject.part(drop.unit.topic, drop.unit.partition, drop.unit.records));
      return link.reset();
    }
    this.#tellFailed(api, failures);
    // A broker that fails a request which asks for no answer has only this way to say so.
    if (!judged.answered) return link.close();
    this.#refused = true;
    link.toClient(answerFrame(api, version, correlation, answerOf(judged, failures)));
  }
  #tellFailed(api: Api, failures: readonly Failure[]): void {
    const { subject, link } = this.talk;
    for (const failure of failures) link.route.acts.failed(toldOf(api, failure), subject.part(failure.unit.topic, failure.unit.partition, failure.unit.records));
  }
  #tellPassed(judged: Judged): void {
    const { link, subject } = this.talk;
    const unit = judged.sentence.first;
    link.route.acts.passed(subject.part(unit?.topic ?? '', unit?.partition ?? -1, unit?.records));
  }
  /** The broker is shown what does not fail; its answer will tell of the rest as well. */
  #sendPart(judged: Judged, failures: readonly Failure[]): void {
    const { api, version, correlation, bodyAt, frame, request, answered } = judged;
    if (request === undefined) return this.#send(frame, answered, judged);
    this.#tellFailed(api, failures);
    const refused = takeOut(api, request, failures);
    if (answered) this.talk.inFlight.push(correlation, frame.readInt16BE(4), version, refused);
    const rest = requestFrame(api, version, frame, bodyAt, request);
    this.talk.toUpstream(rest, 0, rest.length);
    // As where all of it fails, but the rest must arrive.
    if (!answered) this.talk.link.endClient();
  }
  #send(frame: Buffer, answered: boolean, at: { readonly correlation: number; readonly version: number } = this.#head): void {
    if (answered) this.talk.inFlight.push(at.correlation, frame.readInt16BE(4), at.version);
    this.talk.toUpstream(frame, 0, frame.length);
  }
}

/** A request without topics is judged as a whole, under no name: only policies for all of them take it. */
const WHOLE: Unit = { topic: '', partition: -1, records: undefined, struct: {}, of: undefined };
const UNKNOWN = 'a topic is named by an id that no metadata on this route has told';

function answerOf({ api, request }: Judged, failures: readonly Failure[]): Struct {
  const [first] = failures;
  if (request !== undefined) return { topics: [...takeOut(api, request, failures)] };
  return first === undefined ? {} : refusal(api, codeOf(api, first), textOfFailure(first));
}
