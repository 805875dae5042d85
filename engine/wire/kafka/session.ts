import { type Link, PassingSession } from '../session.ts';
import { AnswerSide } from './answer-side.ts';
import { RequestSide } from './request-side.ts';
import { Talk } from './talk.ts';

/**
 * One connection to a Kafka broker. Requests are answered in order, so refusals take their turn; what changes something on the broker
 * is judged before it arrives there, what only reads by its answer. Addresses of brokers are pointed at routes all the time.
 */
export class KafkaSession extends PassingSession {
  readonly #talk: Talk;
  readonly #requests: RequestSide;
  readonly #answers: AnswerSide;

  constructor(link: Link) {
    super(link);
    this.#talk = new Talk(link);
    this.#requests = new RequestSide(this.#talk);
    this.#answers = new AnswerSide(this.#talk, () => this.#requests.turn());
  }
  override get full(): boolean {
    return this.#requests.full;
  }
  override get upstreamFull(): boolean {
    return this.#answers.full;
  }
  override fromClient(bytes: Buffer, length: number): void {
    this.#requests.take(bytes, length);
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    this.#answers.take(bytes, length);
  }
  override clientEnded(): void {
    this.#requests.end();
  }
  override upstreamEnded(): void {
    this.#answers.end();
  }
  override closed(): void {
    this.#requests.closed();
    this.#answers.closed();
  }
}
