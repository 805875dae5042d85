import { z } from 'zod';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { nobodyListens } from '../../host/refused.ts';
import { born } from './born.ts';
import { serverOf } from './server.ts';
import { IDLE, type Server, type Session } from './session.ts';

/** Where the sessions are and what they are called there. No password is in it: the target says where that is kept. */
export const databaseUndo = z.object({
  /** Of every session of this fault. */
  mark: z.string().regex(/^firebreak-[0-9a-f]{18}$/),
  target: z.string().min(1),
  /** For people. */
  server: z.string(),
  /** Where it listened; '' and 0 when it is reached in another way. */
  host: z.string(),
  port: z.int().min(0).max(65_535),
  /** Which server it was; absent in records of earlier versions. */
  born: born.optional(),
  /** How many sessions there can be. */
  most: z.int().min(1).max(2_000),
});
export type DatabaseUndo = z.infer<typeof databaseUndo>;

/** A session that only looks and ends others may not outlive whoever opened it by more than this, milliseconds. */
const LOOK = { idle: IDLE, statement: 5_000, lock: 1_000 } as const;
/** A session that was just coming up shows itself within this; milliseconds. */
const SECOND_LOOK = 200;
const GIVEN_BACK_WITHIN = 8_000;
/** How often to ask for a connection of a server that has none free, milliseconds. */
const ASK_AGAIN = 200;

/** Looks from a session of its own, which is closed afterwards. Waits for one while the server has none free. */
export async function withLook<T>(server: Server, clock: Clock, look: (session: Session) => Promise<T>): Promise<T> {
  const end = clock.now() + GIVEN_BACK_WITHIN;
  for (;;) {
    let session: Session;
    try {
      session = await server.open('firebreak-look', Math.trunc(clock.now() * 1_000), LOOK);
    } catch (error) {
      if (!server.full(error) || clock.now() > end) throw error;
      await clock.sleep(ASK_AGAIN);
      continue;
    }
    try {
      return await look(session);
    } finally {
      session.drop();
    }
  }
}

/** Ends every session of the fault that is left, by the server's own account, and looks twice. @throws FirebreakError `residue`. */
export async function endMarked(clock: Clock, undo: DatabaseUndo): Promise<void> {
  const end = clock.now() + GIVEN_BACK_WITHIN;
  await unlessEnded(undo, undefined, (server) =>
    withLook(server, clock, async (session) => {
      for (let clean = 0; clean < 2; ) {
        const left = await server.marked(session, undo.mark, undo.most);
        for (const id of left) await server.end(session, id);
        clean = left.length === 0 ? clean + 1 : 0;
        if (clean < 2) await clock.sleep(SECOND_LOOK);
        if (clock.now() > end && left.length > 0) {
          throw new FirebreakError('residue', `${left.length} sessions on ${undo.server} do not end`, { hint: `their mark is ${undo.mark}` });
        }
      }
    }),
  );
}

/** How many sessions of the fault there are. */
export const countMarked = (clock: Clock, undo: DatabaseUndo): Promise<number> =>
  unlessEnded(undo, 0, (server) => withLook(server, clock, async (session) => (await server.marked(session, undo.mark, undo.most)).length));

/** A server of this machine that has ended took its sessions with it; it may have taken the credentials as well. */
async function unlessEnded<T>(undo: DatabaseUndo, ended: T, look: (server: Server) => Promise<T>): Promise<T> {
  try {
    return await look(serverOf(undo.target));
  } catch (error) {
    if (undo.port > 0 && (await nobodyListens(undo.host, undo.port))) return ended;
    throw error;
  }
}
