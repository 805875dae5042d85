import { randomBytes } from 'node:crypto';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type Injector } from '../../kernel/fault.ts';
import { bornOf, isSameServer } from './born.ts';
import { busySessions, type DatabaseParams, MOST_SESSIONS, TABLE } from './manifest.ts';
import { Occupation } from './occupation.ts';
import { serverOf } from './server.ts';
import { type Server, type Session } from './session.ts';
import { countMarked, databaseUndo, type DatabaseUndo, endMarked, withLook } from './undo.ts';

/** Holds sessions of its own on a database server, and ends them. */
export function databaseInjector({ clock }: { readonly clock: Clock }): Injector<DatabaseParams, DatabaseUndo> {
  const live = new Map<string, Occupation>();
  return {
    undo: databaseUndo,
    unavailable: () => missingClients(),

    plan: async ({ params, target }) => {
      const server = serverOf(target);
      const { name, host, port } = server.place;
      const [planned, born] = await withLook(server, clock, async (session) => [await sessionsFor(server, session, params), await bornOf(server, session)] as const);
      return [{
        target: planned.what === '' ? name : `${planned.what} of ${name}`,
        undo: { mark: `firebreak-${randomBytes(9).toString('hex')}`, target, server: name, host, port, born, most: planned.most },
        action: planned.action,
        inverse: 'end exactly the sessions with this mark, which gives their connections and locks back',
        reversible: true,
        ...(planned.takes !== '' && { takes: [`${planned.takes} of ${name}`] }),
      }];
    },

    inject: async (undo, context) => {
      if (live.has(undo.mark)) return;
      const server = serverOf(undo.target);
      const now = await withLook(server, clock, (session) => bornOf(server, session));
      if (undo.born !== undefined && !isSameServer(now, undo.born)) {
        throw new FirebreakError('target-changed', `${undo.server} was started anew since it was planned with, or another has its address`, { hint: 'plan again' });
      }
      const occupation = new Occupation(server, undo, context, clock);
      live.set(undo.mark, occupation);
      await occupation.begin();
    },

    verify: async (undo) => (await live.get(undo.mark)?.measure()) ?? { bitten: false, detail: 'it was not started here', figures: [] },

    revert: async (undo) => {
      live.get(undo.mark)?.[Symbol.dispose]();
      live.delete(undo.mark);
      await endMarked(clock, undo);
    },

    fingerprint: async (undo) => `sessions of this fault on ${undo.server}: ${await countMarked(clock, undo)}`,
  };
}

/** The libraries that speak to databases. */
const CLIENTS = ['pg', 'mysql2/promise'] as const;
function missingClients(): string {
  const missing = CLIENTS.filter((name) => {
    try {
      return import.meta.resolve(name) === '';
    } catch {
      return true;
    }
  });
  return missing.length === 0 ? '' : `this Firebreak came without ${missing.join(' and ')}, which it speaks to databases with`;
}

interface Planned {
  /** The table, or ''. */
  readonly what: string;
  /** How many sessions, with the one that measures. */
  readonly most: number;
  readonly action: string;
  /** What only one fault can have; '' = another may do the same beside it. */
  readonly takes: string;
}

/**
 * @throws FirebreakError `no-room` when nothing is left to take beyond the reserve, `no-reserve` when there would be no way
 * back in, `bad-target` when the table cannot be read.
 */
async function sessionsFor(server: Server, session: Session, params: DatabaseParams): Promise<Planned> {
  const { action, table, where, rows, mode } = params;
  if (action === 'connections') return connectionsFor(server, session, params);
  if (action === 'slow') return { what: '', most: busySessions(params) + 1, action: `keep ${busySessions(params)} sessions busy`, takes: '' };
  if (!TABLE.test(table)) throw new FirebreakError('bad-target', `${JSON.stringify(table)} is no name of a table`, { hint: 'write the name without quotes' });
  try {
    await server.readable(session, table, where);
  } catch (error) {
    throw new FirebreakError('bad-target', `${table} cannot be read on ${server.place.name}: ${error instanceof Error ? error.message : ''}`, { hint: 'check the name, the condition and the rights of the role' });
  }
  return {
    what: `table ${table}`,
    most: 2,
    action: action === 'table_lock' ? `lock ${table} against ${mode === 'all' ? 'everybody' : 'writers'}` : `lock up to ${rows} rows of ${table}`,
    takes: action === 'table_lock' ? `table ${table}` : '',
  };
}

async function connectionsFor(server: Server, session: Session, { sessions, reserve }: DatabaseParams): Promise<Planned> {
  const { max, kept, used, admin } = await server.room(session);
  if (reserve === 0 && !admin) {
    throw new FirebreakError('no-reserve', 'without a reserve nobody could come in to end it: this role may not use what the server keeps for administrators', { hint: 'leave a reserve of at least 1' });
  }
  // The session that looks goes away before the others come.
  const free = max - kept - (used - 1) - reserve;
  const most = Math.min(MOST_SESSIONS, free, sessions === 0 ? Infinity : sessions);
  if (most < 1) {
    throw new FirebreakError('no-room', `${server.place.name} has ${max} connections, ${kept} of them kept for administrators and ${used - 1} used: none is left beyond a reserve of ${reserve}`, { hint: 'use a smaller reserve' });
  }
  const capped = sessions > most ? ` (${sessions} asked for, no more are free)` : '';
  return { what: '', most, action: `take ${most} connections${capped}: ${max} in all, ${used - 1} used, ${kept} kept for administrators, ${reserve} in reserve`, takes: 'connections' };
}
