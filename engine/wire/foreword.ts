import type { Link, Session } from './session.ts';

/**
 * Stands before the session of a protocol while a connection begins. What it does not look at is that session's, to which
 * it leaves the connection when there is nothing more to look at.
 */
export abstract class Foreword implements Session {
  protected readonly link: Link;
  protected readonly inner: Session;

  constructor(link: Link, inner: Session) {
    this.link = link;
    this.inner = inner;
  }
  get full(): boolean {
    return this.inner.full;
  }
  get upstreamFull(): boolean {
    return this.inner.upstreamFull;
  }
  fromClient(bytes: Buffer, length: number): void {
    this.inner.fromClient(bytes, length);
  }
  fromUpstream(bytes: Buffer, length: number): void {
    this.inner.fromUpstream(bytes, length);
  }
  clientEnded(): void {
    this.inner.clientEnded();
  }
  upstreamEnded(): void {
    this.inner.upstreamEnded();
  }
  upstreamFailed(error: Error, reached: boolean): void {
    this.inner.upstreamFailed(error, reached);
  }
  closed(): void {
    this.inner.closed();
  }
  /** The session of the protocol takes over. */
  protected leave(): void {
    this.link.become(this.inner);
  }
}
