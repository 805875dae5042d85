import { type Link, PassingSession, type Session, type SessionFactory } from '../session.ts';

/**
 * Tells the dialects of a route apart by who speaks first: a client of PostgreSQL does, a server of MySQL does. So the
 * upstream is connected at once, and the first byte decides which session takes over.
 */
export class SniffingSession extends PassingSession {
  readonly #postgres: SessionFactory;
  readonly #mysql: SessionFactory;

  constructor(link: Link, postgres: SessionFactory, mysql: SessionFactory) {
    super(link);
    this.#postgres = postgres;
    this.#mysql = mysql;
    link.connectUpstream();
  }
  override fromClient(bytes: Buffer, length: number): void {
    this.#become(this.#postgres).fromClient(bytes, length);
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    this.#become(this.#mysql).fromUpstream(bytes, length);
  }
  #become(factory: SessionFactory): Session {
    const session = factory(this.link);
    this.link.become(session);
    return session;
  }
}
