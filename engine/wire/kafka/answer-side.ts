import type { Hold } from '../holds.ts';
import { routePlaces } from '../places.ts';
import { readdress } from './addresses.ts';
import { type Api, apiOf, FETCH } from './apis.ts';
import { judgeUnits, type Sentence } from './judge.ts';
import { Malformed, withoutTag } from './primitives.ts';
import { answerFrame, codeOf, putBack, readAnswer, textOfFailure, toldOf } from './refusals.ts';
import { MAX_MESSAGE, SIZE } from './request-head.ts';
import { bytesOf, listOf, type Struct, TAGS, textOf } from './schema.ts';
import { Side } from './side.ts';
import { MAX_HELD, type Talk } from './talk.ts';
import { learnTopic } from './topic-ids.ts';
import { failUnit, unitsOf } from './units.ts';

/** Size and correlation id. */
const ANSWER_HEAD = SIZE + 4;
/**
 * Answers to Fetch up to this size are looked through for addresses of new leaders, which come with errors and little else; in larger
 * ones they are left: clients ask for metadata in any case.
 */
const SMALL_FETCH = 65_536;
/** The tagged field that names addresses in answers to Produce and Fetch. */
const NODE_ENDPOINTS = 0;

/** An answer that is looked into, with bytes of its own when it has to wait. */
interface Opened {
  readonly api: Api;
  readonly version: number;
  readonly correlation: number;
  readonly frame: Buffer;
  readonly answer: Struct;
  changed: boolean;
  readonly sentence: Sentence | undefined;
}

/** The broker's answers: which request each belongs to, which of them are rewritten or judged, and when the next refusal may be said. */
export class AnswerSide extends Side {
  readonly #turn: () => void;
  #waiting: Opened | undefined;
  #hold: Hold | undefined;

  /** @param turn called whenever no answer is outstanding, and when nobody can tell any more. */
  constructor(talk: Talk, turn: () => void) {
    super(talk);
    this.#turn = turn;
  }
  protected override get waits(): boolean {
    return this.#waiting !== undefined;
  }
  closed(): void {
    if (this.#hold !== undefined && this.#waiting !== undefined) this.talk.link.route.acts.cancel(this.#hold, this.#describing(this.#waiting));
    this.#hold = undefined;
  }

  protected override process(bytes: Buffer, end: number): number {
    const talk = this.talk;
    const { inFlight, link } = talk;
    let from = 0;
    let at = 0;
    while (at < end && !talk.answersOpaque && !link.closing) {
      if (this.passing > 0) {
        const step = Math.min(this.passing, end - at);
        this.passing -= step;
        at += step;
        if (this.passing > 0) break;
        talk.toClient(bytes, from, at);
        from = at;
        this.#answered();
        continue;
      }
      // Nothing that comes now answers a request that was understood.
      if (talk.requestsOpaque && inFlight.count === 0) {
        this.#opaque();
        break;
      }
      if (end - at < ANSWER_HEAD) break;
      const length = SIZE + bytes.readInt32BE(at);
      if (length < ANSWER_HEAD || length > MAX_MESSAGE || !inFlight.seek(bytes.readInt32BE(at + SIZE))) {
        this.#opaque();
        break;
      }
      const api = apiOf(inFlight.key);
      if (!this.#isOpened(api, length)) {
        this.passing = length;
        continue;
      }
      if (end - at < length) {
        this.need = length;
        talk.toClient(bytes, from, at);
        return at;
      }
      talk.toClient(bytes, from, at);
      from = at = at + length;
      this.#open(api, bytes.subarray(at - length, at));
      if (this.#waiting !== undefined) return at;
    }
    if (talk.answersOpaque) at = end;
    talk.toClient(bytes, from, at);
    return at;
  }
  #answered(): void {
    this.talk.inFlight.shift();
    if (this.talk.inFlight.count === 0) this.#turn();
  }
  #opaque(): void {
    const talk = this.talk;
    // After SASL without frames, which was told already, this is what must come.
    if (!talk.requestsOpaque) talk.link.notUnderstood('the bytes of the broker answer no request');
    talk.answersOpaque = true;
    talk.inFlight.clear();
    this.#turn();
  }
  protected override finish(rest: Buffer): void {
    this.talk.toClient(rest, 0, rest.length);
    this.talk.link.endClient();
  }

  /** Whether the answer to the oldest request must be had whole. */
  #isOpened(api: Api, length: number): boolean {
    const { inFlight, link } = this.talk;
    if (api.response === undefined) return false;
    const judged = api.judged === 'answer' && this.talk.judges(api);
    const addressed = api.addressesSince <= inFlight.version && routePlaces.has(link.route.name);
    if (inFlight.refused === undefined && !judged && !(addressed && (inFlight.key !== FETCH || length <= SMALL_FETCH))) return false;
    if (inFlight.version > api.newest) link.notUnderstood(`${api.name} v${inFlight.version} is newer than what is understood`);
    else if (length > MAX_HELD) link.notUnderstood(`an answer of ${length} bytes is larger than what is held to be judged`);
    else return true;
    return false;
  }

  #open(api: Api, bytes: Buffer): void {
    const { inFlight, link, subject } = this.talk;
    const { version, correlation, refused } = inFlight;
    const judged = api.judged === 'answer' && this.talk.judges(api);
    // What may have to wait must not be overwritten meanwhile.
    const frame = judged && !this.owned ? Buffer.from(bytes) : bytes;
    let opened: Opened;
    try {
      const answer = readAnswer(api, version, frame);
      let changed = this.#rewrite(api, version, answer);
      if (refused !== undefined) {
        putBack(answer, refused);
        changed = true;
      }
      const units = unitsOf(api, answer, () => link.notUnderstood('a topic is named by an id that no metadata on this route has told'));
      const sentence = judged ? judgeUnits(link.route, subject.request(api.name, version, correlation), units, true) : undefined;
      if (sentence !== undefined && sentence.notUnderstood !== '') link.notUnderstood(sentence.notUnderstood);
      opened = { api, version, correlation, frame, answer, changed: changed || sentence?.thinned === true, sentence };
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      link.notUnderstood(`an answer to ${api.name} v${version} cannot be read: ${error.message}`);
      link.toClient(bytes);
      return this.#answered();
    }
    const { sentence } = opened;
    if (sentence?.drop !== undefined) {
      const { unit, verdict } = sentence.drop;
      link.route.acts.dropped(verdict, subject.part(unit.topic, unit.partition, unit.records));
      return link.reset();
    }
    if (sentence?.delay === undefined) return this.#say(opened);
    this.#waiting = opened;
    this.#hold = link.route.acts.delayed(sentence.delay.verdict, this.#describing(opened), link, () => {
      this.#hold = this.#waiting = undefined;
      this.#say(opened);
      this.goOn();
    });
  }
  #describing({ api, version, correlation, sentence }: Opened): Pick<Talk['subject'], 'describe'> {
    const { subject } = this.talk;
    const unit = sentence?.delay?.unit;
    return {
      describe: () => subject.request(api.name, version, correlation).part(unit?.topic ?? '', unit?.partition ?? -1, unit?.records).describe(),
    };
  }

  /** Sends the answer with the failures that are still in force in it. */
  #say(opened: Opened): void {
    const { link, subject } = this.talk;
    const { acts, effects } = link.route;
    const { api, version, correlation, answer, frame, sentence } = opened;
    subject.request(api.name, version, correlation);
    for (const failure of sentence?.failures ?? []) {
      const { unit, verdict } = failure;
      if (!effects.inForce(verdict.id)) continue;
      acts.failed(toldOf(api, failure), subject.part(unit.topic, unit.partition, unit.records));
      failUnit(unit.struct, codeOf(api, failure), textOfFailure(failure));
      opened.changed = true;
    }
    if (sentence?.first !== undefined && !opened.changed && sentence.delay === undefined) {
      acts.passed(subject.part(sentence.first.topic, sentence.first.partition, sentence.first.records));
    }
    link.toClient(opened.changed ? answerFrame(api, version, correlation, answer) : frame);
    this.#answered();
  }

  /** Learns from the answer, and points its addresses at routes. Says whether it has changed. */
  #rewrite(api: Api, version: number, answer: Struct): boolean {
    const { link } = this.talk;
    if (api.name === 'Metadata') {
      for (const topic of listOf(answer, 'topics')) {
        const id = bytesOf(topic, 'topicId');
        if (id !== undefined && textOf(topic, 'topic') !== '') learnTopic(id, textOf(topic, 'topic'));
      }
    }
    if (version < api.addressesSince || !routePlaces.has(link.route.name)) return false;
    if (answer['brokers'] === undefined && answer['host'] === undefined) {
      // Clients that are told of a new leader without its address look it up in the metadata, which leads to a route.
      const tags = bytesOf(answer, TAGS);
      const kept = tags === undefined ? undefined : withoutTag(tags, NODE_ENDPOINTS);
      if (kept === undefined || kept === tags) return false;
      answer[TAGS] = kept;
      return true;
    }
    const { changed, routeless } = readdress(answer, link.route.name, api.name !== 'FindCoordinator', link.localAddress);
    if (routeless.length > 0) link.notUnderstood(`no route serves ${routeless.join(', ')}: clients go there directly`);
    return changed;
  }
}
