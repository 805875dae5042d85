import { HeldBytes } from '../held-bytes.ts';
import { type Link, PassingSession, type Session, type SessionFactory } from '../session.ts';
import { PREFACE } from './frame.ts';

/** The first bytes of the client say whether it speaks HTTP/2 (RFC 9113, 3.4); then one of two sessions takes over. */
export class PrefaceSession extends PassingSession {
  readonly #first = new HeldBytes();
  readonly #http2: SessionFactory;
  readonly #other: SessionFactory;

  constructor(link: Link, http2: SessionFactory, other: SessionFactory) {
    super(link);
    this.#http2 = http2;
    this.#other = other;
  }
  override fromClient(bytes: Buffer, length: number): void {
    if (this.#first.length === 0 && bytes[0] !== PREFACE[0]) return this.#become(this.#other).fromClient(bytes, length);
    this.#first.append(bytes, 0, length);
    const said = Math.min(this.#first.length, PREFACE.length);
    const same = this.#first.peek().subarray(0, said).equals(PREFACE.subarray(0, said));
    if (same && said < PREFACE.length) return;
    this.#give(same ? this.#http2 : this.#other);
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    this.#give(this.#other).fromUpstream(bytes, length);
  }
  override clientEnded(): void {
    this.#give(this.#other).clientEnded();
  }
  /** With what the client said so far. */
  #give(make: SessionFactory): Session {
    const session = this.#become(make);
    const first = this.#first.take();
    if (first.length > 0) session.fromClient(first, first.length);
    return session;
  }
  #become(make: SessionFactory): Session {
    const session = make(this.link);
    this.link.become(session);
    return session;
  }
}
