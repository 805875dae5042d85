import { join } from 'node:path';
import { type DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { deflateSync, inflateSync } from 'node:zlib';
import { fileVersion, type FileVersion } from '../contract/room.ts';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { fnv1a } from '../kernel/hash.ts';
import { transaction } from './database.ts';
import { ensureStateDir } from './journal.ts';
import { SharedFile } from './shared-file.ts';

export interface VersionLimits {
  readonly most: number;
  /** Of all texts together, compressed as they are kept. */
  readonly bytes: number;
}
const LIMITS: VersionLimits = { most: 500, bytes: 64 * 1024 * 1024 };

/** The Firebreak files of a state directory as they were when they were deployed, run or saved. */
export interface Versions {
  /**
   * Keeps a text; one that is there already becomes the newest again under its old id, with the new reason. The oldest
   * go when there are too many. Throws FirebreakError `versions-unwritable`.
   */
  keep(text: string, name: string, why: FileVersion['why']): FileVersion;
  /** The newest first. Throws FirebreakError `versions-unwritable`. */
  list(limit: number): FileVersion[];
  /** The text; undefined when there is no such version (any more). Throws `versions-unwritable` or `version-damaged`. */
  get(id: number): string | undefined;
}

/** `turn` gives the order, which a wall clock could not. AUTOINCREMENT: an id is never given to another text. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, turn INTEGER NOT NULL UNIQUE, at REAL NOT NULL, name TEXT NOT NULL,
    why TEXT NOT NULL, hash TEXT NOT NULL, chars INTEGER NOT NULL, bytes INTEGER NOT NULL, text BLOB NOT NULL
  );
  CREATE INDEX IF NOT EXISTS versions_hash ON versions (hash);`;
const HEAD = 'id, at, name, why, hash, chars';

/** `notice` hears what had to be set aside. Touches no file before the first call. */
export function openVersions(
  stateDir: string,
  clock: Clock,
  notice: (text: string) => void,
  limits: VersionLimits = LIMITS,
): Versions {
  const file = new SharedFile({
    path: join(stateDir, 'versions.db'),
    schema: SCHEMA,
    marker: 'versions_hash',
    noun: 'versions',
    hint: 'Free disk space or make the file writable. Runs and faults are not affected.',
    clock,
    notice,
  });
  return {
    keep: (text, name, why) => {
      const draft = { at: clock.wall(), name, why, hash: fnv1a(text).toString(16).padStart(8, '0'), chars: text.length };
      const blob = deflateSync(text);
      ensureStateDir(stateDir);
      return file.use((database) =>
        transaction(database, () => {
          const id = refresh(database, draft, blob) ?? insert(database, draft, blob);
          prune(database, limits);
          return { id, ...draft };
        }),
      );
    },
    list: (limit) => {
      if (!file.exists) return [];
      const query = `SELECT ${HEAD} FROM versions ORDER BY turn DESC LIMIT ?`;
      const rows = file.use((database) => database.prepare(query).all(limit));
      return rows.flatMap((row) => fileVersion.safeParse(row).data ?? []);
    },
    get: (id) => {
      if (!file.exists) return undefined;
      const row = file.use((database) => database.prepare('SELECT text FROM versions WHERE id = ?').get(id));
      return row === undefined ? undefined : textOf(row, id, file.path);
    },
  };
}

type Draft = Omit<FileVersion, 'id'>;

/** The id of the same text when it is kept already. The hash of 32 bits only narrows the search. */
function refresh(database: DatabaseSync, { at, name, why, hash }: Draft, blob: Buffer): number | undefined {
  const rows = database.prepare('SELECT id, text FROM versions WHERE hash = ?').all(hash);
  const same = rows.find((row) => blob.equals(row['text'] as Uint8Array));
  if (same === undefined) return undefined;
  const id = Number(same['id']);
  database.prepare(`UPDATE versions SET at = ?, name = ?, why = ?, turn = (${NEXT}) WHERE id = ?`).run(at, name, why, id);
  return id;
}
const NEXT = 'SELECT coalesce(max(turn), 0) + 1 FROM versions';

function insert(database: DatabaseSync, { at, name, why, hash, chars }: Draft, blob: Uint8Array): number {
  const { lastInsertRowid } = database
    .prepare(`INSERT INTO versions (turn, at, name, why, hash, chars, bytes, text) VALUES ((${NEXT}), ?, ?, ?, ?, ?, ?, ?)`)
    .run(at, name, why, hash, chars, blob.length, blob);
  return Number(lastInsertRowid);
}

/** Drops the oldest that are too many; never the newest, however large it is. */
function prune(database: DatabaseSync, { most, bytes }: VersionLimits): void {
  database
    .prepare(
      `DELETE FROM versions WHERE id IN (
        SELECT id FROM (
          SELECT id, row_number() OVER newest AS place, sum(bytes) OVER newest AS total
          FROM versions WINDOW newest AS (ORDER BY turn DESC)
        ) WHERE place > 1 AND (place > ? OR total > ?)
      )`,
    )
    .run(most, bytes);
}

const inflated = (row: Record<string, SQLOutputValue>): string => inflateSync(row['text'] as Uint8Array).toString();

function textOf(row: Record<string, SQLOutputValue>, id: number, path: string): string {
  try {
    return inflated(row);
  } catch (error) {
    throw new FirebreakError('version-damaged', `the text of version ${id} in ${path} cannot be read: ${messageOf(error)}`, {
      hint: 'The other versions are not affected.',
      cause: error,
    });
  }
}
