import type { Link } from '../session.ts';
import type { Api } from './apis.ts';
import { InFlight } from './in-flight.ts';
import { KafkaSubject } from './subject.ts';

/** Messages up to this size are held to be judged or rewritten; larger ones pass as they are, and that is told. 16 MiB. */
export const MAX_HELD = 16 * 1_048_576;

/** What both directions of one connection have in common. */
export class Talk {
  readonly link: Link;
  readonly inFlight = new InFlight();
  readonly subject = new KafkaSubject();
  /** Nobody can say any more where requests end. */
  requestsOpaque = false;
  /** The same for answers; then no refusal can be put in its place either. */
  answersOpaque = false;

  /** The client will say no more: Kafka's clients do so when they go. */
  left = false;

  constructor(link: Link) {
    this.link = link;
  }
  /** Whether messages of this API are to be judged: not for a client that has left, nor by policies for records where there are none. */
  judges(api: Api): boolean {
    const { effects, name } = this.link.route;
    return !this.left && effects.gate('kafka', name) && (api.name === 'Fetch' || effects.gateScope('kafka', name, ''));
  }
  toClient(bytes: Buffer, from: number, to: number): void {
    if (from < to && !this.link.closing) this.link.toClient(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
  toUpstream(bytes: Buffer, from: number, to: number): void {
    if (from < to && !this.link.closing) this.link.toUpstream(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
}
