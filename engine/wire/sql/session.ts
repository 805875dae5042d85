import type { SessionFactory } from '../session.ts';
import { mysqlSession } from '../mysql/session.ts';
import { PostgresSession } from './postgres.ts';
import { SniffingSession } from './sniff.ts';

/** A connection of a route with protocol sql, whichever dialect it speaks. */
export const sqlSession: SessionFactory = (link) =>
  new SniffingSession(link, (to) => new PostgresSession(to), mysqlSession);
