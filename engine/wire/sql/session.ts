import type { SessionFactory } from '../session.ts';
import { mysqlSession } from '../mysql/session.ts';
import { MysqlTls } from '../mysql/tls.ts';
import { PostgresSession } from './postgres.ts';
import { PostgresTls } from './postgres-tls.ts';
import { SniffingSession } from './sniff.ts';

/** A connection of a route with protocol sql, whichever dialect it speaks, and with TLS where the route has it. */
export const sqlSession: SessionFactory = (link) =>
  link.route.tlsInside === true
    ? new SniffingSession(link, (to) => new PostgresTls(to, new PostgresSession(to)), (to) => new MysqlTls(to, mysqlSession(to)))
    : new SniffingSession(link, (to) => new PostgresSession(to), mysqlSession);
