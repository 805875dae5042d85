import { join } from 'node:path';
import { type DatabaseSync } from 'node:sqlite';
import { deflateSync, inflateSync } from 'node:zlib';
import { type Clock, realClock } from '../kernel/clock.ts';
import { EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { runRecord, type RunRecord, runSummary, type RunSummary } from '../contract/models.ts';
import { transaction } from './database.ts';
import { capRecord } from './history-cap.ts';
import { ensureStateDir } from './journal.ts';
import { SharedFile } from './shared-file.ts';

/**
 * The past runs of a state directory, shared by every process that uses it. Append-only: a run is begun once and ended
 * once, and neither row is ever changed.
 */
export interface History extends Disposable {
  /** Writes down that a run has begun. A second `begin` of the run changes nothing. Throws `history-unwritable`. */
  begin(summary: RunSummary): void;
  /** Writes down a run that has ended. Throws FirebreakError `run-already-recorded` or `history-unwritable`. */
  append(record: RunRecord): void;
  /** The newest runs first; one that was begun and never ended has no verdict. */
  list(limit: number): RunSummary[];
  /**
   * The record of a run by its id, by a prefix of it that no other run has (with or without `r-`), or of the `last`.
   * Undefined for a run that is unknown or has not ended. Throws FirebreakError `ambiguous-run` or `history-damaged`.
   */
  get(run: string): RunRecord | undefined;
  /** What had to be set aside, in sentences for the log. */
  readonly notices: readonly string[];
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS started (run TEXT PRIMARY KEY, at REAL NOT NULL, summary TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS ended (
    run TEXT PRIMARY KEY, at REAL NOT NULL, summary TEXT NOT NULL, record BLOB NOT NULL
  );
  CREATE INDEX IF NOT EXISTS started_at ON started (at);
  CREATE INDEX IF NOT EXISTS ended_at ON ended (at);
  ${['started', 'ended'].map(appendOnly).join('\n')}`;

/** Insertion over an old row is forbidden too: OR REPLACE deletes without asking a DELETE trigger. */
function appendOnly(table: string): string {
  const refuse = `BEGIN SELECT RAISE(ABORT, 'append-only'); END;`;
  return `CREATE TRIGGER IF NOT EXISTS ${table}_unchanged BEFORE UPDATE ON ${table} ${refuse}
    CREATE TRIGGER IF NOT EXISTS ${table}_stays BEFORE DELETE ON ${table} ${refuse}
    CREATE TRIGGER IF NOT EXISTS ${table}_once BEFORE INSERT ON ${table}
      WHEN EXISTS (SELECT 1 FROM ${table} WHERE run = NEW.run) ${refuse}`;
}

/**
 * Opens (or makes) the history in `stateDir`. Throws FirebreakError `state-unwritable`; a file that cannot be used is
 * told in `notices`, and by every call.
 */
export function openHistory(stateDir: string, clock: Clock = realClock): History {
  ensureStateDir(stateDir);
  return new DiskHistory(stateDir, clock);
}

class DiskHistory implements History {
  readonly notices: string[] = [];
  readonly #file: SharedFile;

  constructor(stateDir: string, clock: Clock) {
    this.#file = new SharedFile({
      path: join(stateDir, 'history.db'),
      schema: SCHEMA,
      marker: 'ended_once',
      noun: 'history',
      hint: 'Free disk space or make the file writable. Faults are not affected: their undo records are in the journal.',
      clock,
      notice: (text) => this.notices.push(text),
    });
    this.#file.inspect();
  }

  begin(summary: RunSummary): void {
    const text = JSON.stringify(runSummary.parse(summary));
    this.#file.use((database) =>
      transaction(database, () => {
        if (database.prepare('SELECT 1 FROM started WHERE run = ?').get(summary.run) !== undefined) return;
        database.prepare('INSERT INTO started VALUES (?, ?, ?)').run(summary.run, summary.startedAt, text);
      }),
    );
  }

  append(record: RunRecord): void {
    const summary = JSON.stringify(runSummary.parse(record));
    const blob = deflateSync(JSON.stringify(capRecord(record)));
    this.#file.use((database) =>
      transaction(database, () => {
        if (database.prepare('SELECT 1 FROM ended WHERE run = ?').get(record.run) !== undefined) {
          throw new FirebreakError(
            'run-already-recorded',
            `run ${record.run} is in the history already; the history is append-only`,
          );
        }
        database.prepare('INSERT INTO ended VALUES (?, ?, ?, ?)').run(record.run, record.startedAt, summary, blob);
      }),
    );
  }

  list(limit: number): RunSummary[] {
    const query = `SELECT summary FROM (
      SELECT at, summary FROM ended
      UNION ALL SELECT at, summary FROM started WHERE run NOT IN (SELECT run FROM ended)
    ) ORDER BY at DESC LIMIT ?`;
    const rows = this.#file.use((database) => database.prepare(query).all(Math.max(0, Math.floor(limit))));
    return rows.flatMap((row) => {
      const summary = runSummary.safeParse(parseJson(String(row['summary'])));
      return summary.success ? [summary.data] : [];
    });
  }

  get(run: string): RunRecord | undefined {
    const id = this.#file.use((database) => (run === 'last' ? lastRun(database) : runByPrefix(database, run)));
    if (id === undefined) return undefined;
    const row = this.#file.use((database) => database.prepare('SELECT record FROM ended WHERE run = ?').get(id));
    if (row === undefined) return undefined;
    try {
      return runRecord.parse(JSON.parse(inflateSync(row['record'] as Uint8Array).toString()));
    } catch (error) {
      throw new FirebreakError(
        'history-damaged',
        `the record of run ${id} in ${this.#file.path} cannot be read: ${messageOf(error)}`,
        {
          hint: 'The other runs are not affected. The reports that were written at its end still stand.',
          cause: error,
        },
      );
    }
  }

  [Symbol.dispose](): void {
    // Nothing is held between two calls.
  }
}

function lastRun(database: DatabaseSync): string | undefined {
  const row = database.prepare('SELECT run FROM ended ORDER BY at DESC LIMIT 1').get();
  return row === undefined ? undefined : String(row['run']);
}

function runByPrefix(database: DatabaseSync, text: string): string | undefined {
  if (text === '') return undefined;
  const query = database.prepare('SELECT run FROM ended WHERE substr(run, 1, ?) = ? ORDER BY at DESC LIMIT 10');
  const find = (prefix: string): string[] => query.all(prefix.length, prefix).map((row) => String(row['run']));
  const runs = find(text.startsWith('r-') ? text : `r-${text}`);
  if (runs.length <= 1 || runs.includes(text)) return runs.includes(text) ? text : runs[0];
  throw new FirebreakError('ambiguous-run', `${text} is the beginning of several runs: ${runs.join(', ')}`, {
    hint: 'Give more of the id.',
    exitCode: EXIT.usage,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
