import type { Verdict } from '../effects.ts';
import { HeldBytes } from '../held-bytes.ts';
import type { Link } from '../session.ts';
import type { Shown } from '../subject.ts';
import { type Change, CHANGE_LIMIT, changed } from './change.ts';
import { Header, LEAST } from './header.ts';
import { Pending } from './pending.ts';

/** Answers that are waited for in order to change them; nobody asks so many questions at once. */
const MOST_CHANGES = 1_024;

/** An answer that is to be changed when it comes. */
export interface Changing {
  readonly verdict: Extract<Verdict, { act: 'fail' }>;
  readonly subject: Shown;
  readonly change: Change;
}

/** What comes from the server of one connection: passed on, followed, and changed where that was decided. */
export class Answers {
  readonly pending = new Pending();
  /** Nobody can tell any more where answers end. */
  opaque = false;
  readonly #link: Link;
  readonly #header = new Header('upstream');
  readonly #held = new HeldBytes();
  /** Bytes of the answer under way that are still to come. */
  #left = 0;
  readonly #changing = new Map<number, Changing>();
  /** Requests with more than one answer of which one was changed already: each command counts once. */
  readonly #told = new Set<Changing>();

  constructor(link: Link) {
    this.#link = link;
  }
  /** The answer to this request is to be changed. False when too many are waited for. */
  change(requestId: number, changing: Changing): boolean {
    if (this.#changing.size >= MOST_CHANGES) return false;
    this.#changing.set(requestId, changing);
    return true;
  }

  /** The upstream sent bytes[0, length). */
  feed(bytes: Buffer, length: number): void {
    if (this.opaque) return this.#pass(bytes, 0, length);
    if (this.#held.length === 0) {
      const consumed = this.#process(bytes, length);
      if (consumed < length) this.#held.append(bytes, consumed, length);
      return;
    }
    this.#held.append(bytes, 0, length);
    this.#held.reread((held, total) => this.#process(held, total));
  }
  /** No more will come: what is held goes on as it is. */
  flush(): void {
    const rest = this.#held.take();
    this.#pass(rest, 0, rest.length);
  }
  clear(): void {
    this.#changing.clear();
    this.#told.clear();
    this.#held.take();
  }

  /** Passes on what may pass of bytes[0, end). Returns how many are done with. */
  #process(bytes: Buffer, end: number): number {
    const header = this.#header;
    let from = 0;
    let at = 0;
    for (;;) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, end - at);
        this.#left -= step;
        at += step;
        if (this.#left > 0) break;
        this.#complete();
      }
      if (end - at < LEAST) break;
      if (!header.read(bytes, at)) {
        this.opaque = true;
        this.#link.notUnderstood('the bytes of the server are no message of MongoDB');
        at = end;
        break;
      }
      const changing = this.#changing.size === 0 ? undefined : this.#changing.get(header.responseTo);
      if (changing !== undefined && header.length <= CHANGE_LIMIT && this.#link.route.effects.inForce(changing.verdict.id)) {
        if (end - at < header.length) break;
        const answer = changed(bytes, at, header, changing.change);
        if (answer !== undefined) {
          this.#pass(bytes, from, at);
          // Counted first: whoever has read the answer may ask for the count.
          this.#tell(changing);
          this.#link.toClient(answer);
          from = at + header.length;
        }
      }
      this.#left = header.length;
    }
    this.#pass(bytes, from, at);
    return at;
  }
  /** The last byte of an answer has passed. */
  #complete(): void {
    const { responseTo, requestId, moreToCome } = this.#header;
    this.pending.answered(responseTo, moreToCome ? requestId : undefined);
    const changing = this.#changing.get(responseTo);
    if (changing === undefined) return;
    this.#changing.delete(responseTo);
    if (moreToCome) this.#changing.set(requestId, changing);
    else this.#told.delete(changing);
  }
  #tell(changing: Changing): void {
    if (this.#told.has(changing)) return;
    this.#told.add(changing);
    this.#link.route.acts.failed(changing.verdict, changing.subject);
  }
  #pass(bytes: Buffer, from: number, to: number): void {
    if (from < to) this.#link.toClient(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
}
