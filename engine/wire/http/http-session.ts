import { HeldBytes } from '../held-bytes.ts';
import { PREFACE } from '../http2/frame.ts';
import { Http2Session } from '../http2/session.ts';
import { InOrderSession } from '../in-order.ts';
import { type Link, PassingSession } from '../session.ts';
import { http1 } from './http1.ts';

/** HTTP: the first bytes of the client say which version it speaks (RFC 9113, 3.4). */
export class HttpSession extends PassingSession {
  readonly #first = new HeldBytes();

  constructor(link: Link) {
    super(link);
  }
  override fromClient(bytes: Buffer, length: number): void {
    if (this.#first.length === 0 && bytes[0] !== PREFACE[0]) {
      const session = this.#http1();
      return session.fromClient(bytes, length);
    }
    this.#first.append(bytes, 0, length);
    const said = Math.min(this.#first.length, PREFACE.length);
    const same = this.#first.peek().subarray(0, said).equals(PREFACE.subarray(0, said));
    if (same && said < PREFACE.length) return;
    const session = same ? this.#become(new Http2Session(this.link)) : this.#http1();
    const first = this.#first.take();
    session.fromClient(first, first.length);
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    this.#http1().fromUpstream(bytes, length);
  }
  override clientEnded(): void {
    const session = this.#http1();
    const first = this.#first.take();
    if (first.length > 0) session.fromClient(first, first.length);
    session.clientEnded();
  }
  #http1(): InOrderSession {
    return this.#become(new InOrderSession(this.link, http1));
  }
  #become<Next extends InOrderSession | Http2Session>(session: Next): Next {
    this.link.become(session);
    return session;
  }
}
