import type { Described, Facts } from '../subject.ts';
import { type Link, PassingSession } from '../session.ts';

/** A connection as what is counted and told of a route whose protocol nobody understands. */
const CONNECTION = {
  carries: (): boolean => false,
  facts: (): Facts => ({}),
  describe: (): Described => ({ method: 'connect', target: '', traceId: '', requestId: '', head: '' }),
};

/** Bytes of any protocol. Connects at once: in many protocols (NATS, SMTP, MySQL) the server speaks first. */
export class TcpSession extends PassingSession {
  constructor(link: Link) {
    super(link);
    link.route.acts.seen();
    link.route.acts.passed(CONNECTION);
    link.connectUpstream();
  }
}
