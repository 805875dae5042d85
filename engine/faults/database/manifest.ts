import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest } from '../../kernel/fault.ts';
import { duration, type FieldMeta, readWith, scoped, unread, whole } from '../../kernel/fields.ts';
import { parseReference, REFERENCE_HELP } from './reference.ts';

const ACTIONS = ['connections', 'table_lock', 'row_lock', 'slow'] as const;
type Action = (typeof ACTIONS)[number];
const only = readWith<Action>('action');
const string = (help: string, example: string, max: number) =>
  z.string({ error: 'expected text' }).max(max, `expected at most ${max} characters`).default('').meta({ help, example } satisfies FieldMeta);

/** More sessions than this are never opened. */
export const MOST_SESSIONS = 1_000;
/** Of those that keep the server busy: each takes a core of it. */
export const MOST_BUSY = 64;
const BUSY = 4;
const MINUTE = 60_000;
/** A name as SQL takes it without quotes, with its schema or without. */
export const TABLE = /^[A-Za-z_][\w$]{0,62}(\.[A-Za-z_][\w$]{0,62})?$/;

const params = z.object({
  action: z
    .enum(ACTIONS, { error: `expected ${ACTIONS.join(', ')}` })
    .default('connections')
    .meta({ help: 'Take the free connections, lock a table, lock rows, or slow queries down by keeping the server busy.', example: 'connections' } satisfies FieldMeta),
  sessions: only(whole(`How many sessions: connections takes as many, 0 all but the reserve; slow keeps as many busy, 0 means ${BUSY}, ${MOST_BUSY} at most.`, 0, MOST_SESSIONS), 'connections', 'slow'),
  reserve: only(whole('How many connections stay free beyond those that the server keeps for its administrators.', 0, MOST_SESSIONS, 3), 'connections'),
  table: only(scoped(string('The table, with its schema or without.', 'orders', 127)), 'table_lock', 'row_lock'),
  mode: only(
    z.enum(['all', 'writes'], { error: 'expected all or writes' }).default('all').meta({ help: 'Who has to wait at the table: all, or writers alone.', example: 'writes' } satisfies FieldMeta),
    'table_lock',
  ),
  where: only(scoped(string('Which rows, as a condition in SQL; empty: any.', 'id <= 100', 2_000)), 'row_lock'),
  rows: only(whole('How many rows at most.', 1, 100_000, 100), 'row_lock'),
  wait: only(duration('How long to wait for the lock; whoever comes after waits as well.', MINUTE, 5_000, 100), 'table_lock', 'row_lock'),
});
export type DatabaseParams = z.infer<typeof params>;

/** How many sessions a load has. */
export const busySessions = ({ sessions }: DatabaseParams): number => (sessions === 0 ? BUSY : sessions);

const WEIGHT: Readonly<Record<Action, number>> = { connections: 0.7, table_lock: 0.8, row_lock: 0.5, slow: 0.5 };

function sentence(asked: DatabaseParams, where: string): string {
  switch (asked.action) {
    case 'connections':
      return `Takes ${asked.sessions === 0 ? 'all free connections' : `up to ${asked.sessions} connections`} of ${where} but ${asked.reserve} and those kept for administrators.`;
    case 'table_lock':
      return `Locks the table ${asked.table} of ${where}${asked.mode === 'writes' ? ' for writers' : ''}, waiting for the lock ${formatDuration(asked.wait)} at most.`;
    case 'row_lock':
      return `Locks up to ${asked.rows} rows of ${asked.table}${asked.where === '' ? '' : ` where ${asked.where}`} of ${where}.`;
    case 'slow':
      return `Keeps ${busySessions(asked)} sessions of ${where} busy, so that other queries take longer.`;
  }
}

export const databaseManifest = defineManifest({
  type: 'database',
  layer: 'host',
  summary: 'Takes the connections of PostgreSQL or MySQL, locks tables and rows, or slows queries down, from sessions of its own.',
  params,
  target: {
    required: true,
    help: REFERENCE_HELP,
    example: 'env:DATABASE_URL',
    check: (target) => {
      const reference = parseReference(target);
      return 'error' in reference ? { message: reference.error, hint: reference.hint } : undefined;
    },
  },
  noop: () => false,
  severity: (asked) => WEIGHT[asked.action],
  remarks: () => [],
  explain: (asked, target) => sentence(asked, target.replace(/^(env|file):\s*/, 'the database in ')),
  platforms: ['linux', 'darwin', 'win32'],
  privileges: ['a role that may connect to the database; for table locks one that owns the table or may write to it'],
  blastRadius: (asked) => (asked.action === 'row_lock' ? 2 : 3),
  verifyWithin: 15_000,
  check: (asked) => {
    const findings = unread(params.shape, asked);
    const find = (field: string, message: string, hint: string): void => void findings.push({ field, message, hint });
    const locks = asked.action === 'table_lock' || asked.action === 'row_lock';
    if (locks && asked.table === '') find('table', 'expected the table to lock', 'set table');
    if (asked.table !== '' && !TABLE.test(asked.table)) find('table', 'expected a name such as orders or public.orders', 'write the name without quotes');
    if (asked.action === 'slow' && asked.sessions > MOST_BUSY) find('sessions', `expected at most ${MOST_BUSY}`, 'each keeps a core of the server busy');
    return findings;
  },
});
