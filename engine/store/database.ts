import { DatabaseSync } from 'node:sqlite';

export interface DatabaseOptions {
  /** Bytes of a page; only the first opening of a new file can set it. SQLite's default is 4096. */
  readonly pageSize?: number;
  /** How long to wait for another process's lock, in milliseconds. */
  readonly busy?: number;
}

/**
 * Opens an embedded database in which a commit is on the disk when it returns: rollback journal, not WAL, because a
 * damaged WAL is cut short in silence, and `synchronous=FULL`. Throws SQLite's own error; see `sqliteCode`.
 */
export function openDatabase(path: string, options: DatabaseOptions = {}): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: options.busy ?? 5_000 });
  try {
    if (options.pageSize !== undefined) database.exec(`PRAGMA page_size=${options.pageSize}`);
    // fullfsync: on macOS a plain fsync leaves the data in the drive's cache. Elsewhere it does nothing.
    database.exec('PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA fullfsync=1');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Primary result codes of SQLite (https://sqlite.org/rescode.html) that the product tells apart. */
export const SQLITE = {
  busy: 5,
  locked: 6,
  readonly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
} as const;

/** The primary result code of an error that SQLite threw, or 0. */
export function sqliteCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0;
}

/** Whether SQLite found the file itself unusable. */
export function isCorrupt(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.corrupt || code === SQLITE.notADatabase;
}

/** Runs `work` in a transaction that holds the write lock from its start; rolled back when `work` throws. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
