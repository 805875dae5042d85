import type { SessionFactory } from '../session.ts';
import { notUnderstood, SniffingSession } from './sniff.ts';

/** A connection of a route with protocol sql, whichever dialect it speaks. */
export const sqlSession: SessionFactory = (link) =>
  new SniffingSession(link, notUnderstood('PostgreSQL'), notUnderstood('the server speaks first, as MySQL does'));
