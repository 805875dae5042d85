import { existsSync, readdirSync, statSync } from 'node:fs';
import { type DatabaseSync } from 'node:sqlite';
import { isCorrupt, openDatabase } from './database.ts';
import { decodeRecord, type UndoRecord } from './journal-record.ts';

/** The largest page SQLite has, so that a record lies in one piece; see MAX_RECORD. */
const PAGE_SIZE = 65_536;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS record (seq INTEGER PRIMARY KEY, payload TEXT NOT NULL);
  CREATE TRIGGER IF NOT EXISTS record_stays BEFORE DELETE ON record BEGIN SELECT RAISE(ABORT, 'append-only'); END;
  CREATE TRIGGER IF NOT EXISTS record_unchanged BEFORE UPDATE ON record BEGIN SELECT RAISE(ABORT, 'append-only'); END;`;

/** Opens `journal.db`, or makes it. Throws SQLite's own error. */
export function openJournalFile(path: string): DatabaseSync {
  const database = openDatabase(path, { pageSize: PAGE_SIZE });
  try {
    database.exec(SCHEMA);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** One row as it was found: a record that can be trusted, or what is wrong with it. */
export type Row = { readonly seq: number } & ({ readonly record: UndoRecord } | { readonly wrong: string });

/** The rows after number `after`, in order. */
export function readRows(database: DatabaseSync, after: number): Row[] {
  return database
    .prepare('SELECT seq, payload FROM record WHERE seq > ? ORDER BY seq')
    .all(after)
    .map((row) => {
      const seq = Number(row['seq']);
      const result = decodeRecord(Buffer.from(String(row['payload'])));
      if ('wrong' in result) return { seq, wrong: result.wrong };
      return result.record.seq === seq
        ? { seq, record: result.record }
        : { seq, wrong: `it claims to be row ${result.record.seq}` };
    });
}

/** Whether SQLite can read the whole of the file, or there is none. */
export function readable(path: string): boolean {
  if (!existsSync(path)) return true;
  try {
    using database = openJournalFile(path);
    readRows(database, 0);
    return true;
  } catch (error) {
    if (isCorrupt(error)) return false;
    throw error;
  }
}

/** Tells a file from another of the same name; -1 when there is none. */
export function inodeOf(path: string): bigint {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? -1n;
}

/** The files in `folder` that make up the database or log `name`. */
export function filesOf(folder: string, name: string): string[] {
  const all = [name, `${name}-journal`, `${name}-wal`, `${name}-shm`];
  return readdirSync(folder).filter((file) => all.includes(file));
}
