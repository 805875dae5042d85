import type { Described, Facts } from '../subject.ts';
import { type Link, PassingSession } from '../session.ts';

/** A connection as what is counted and told of a route whose protocol nobody understands. */
class Whole {
  readonly #target: string;
  constructor(target: string) {
    this.#target = target;
  }
  carries(): boolean {
    return false;
  }
  facts(): Facts {
    return {};
  }
  describe(): Described {
    return { method: 'connect', target: this.#target, traceId: '', requestId: '', head: '' };
  }
}
const NAMELESS = new Whole('');

/** Bytes of any protocol. Connects at once: in many protocols (NATS, SMTP, MySQL) the server speaks first. */
export class TcpSession extends PassingSession {
  constructor(link: Link) {
    super(link);
    link.route.acts.seen();
    link.route.acts.passed(link.serverName === '' ? NAMELESS : new Whole(link.serverName));
    link.connectUpstream();
  }
}
