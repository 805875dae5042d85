import { join } from 'node:path';
import { type DatabaseSync } from 'node:sqlite';
import { type Clock } from '../kernel/clock.ts';
import { EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { transaction } from './database.ts';
import { ensureStateDir } from './journal.ts';
import { SharedFile } from './shared-file.ts';

/** Largest value, in bytes of its JSON. */
export const MAX_SETTING_BYTES = 256 * 1024;
export const MAX_SETTINGS = 500;

/** What clients of an engine keep in its state directory, such as the layout of their boards: JSON values by key. */
export interface Settings {
  /** Null when nothing is kept under the key. Throws FirebreakError `settings-unwritable`. */
  get(key: string): unknown;
  /**
   * Keeps a JSON value in place of the one before; null forgets it. On the disk when it returns. Throws FirebreakError
   * `bad-setting`, `too-many-settings` or `settings-unwritable`; what was kept before then stays.
   */
  set(key: string, value: unknown): void;
}

const SCHEMA = 'CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL)';

/** `notice` hears what had to be set aside. Touches no file before the first call. */
export function openSettings(stateDir: string, clock: Clock, notice: (text: string) => void): Settings {
  const file = new SharedFile({
    path: join(stateDir, 'settings.db'),
    schema: SCHEMA,
    marker: 'settings',
    noun: 'settings',
    hint: 'Free disk space or make the file writable. What was kept before is unchanged, and faults are not affected.',
    clock,
    notice,
  });
  return {
    get: (key) => {
      if (!file.exists) return null;
      const row = file.use((database) => database.prepare('SELECT value FROM settings WHERE key = ?').get(key));
      return row === undefined ? null : parse(String(row['value']), key, notice);
    },
    set: (key, value) => {
      const text = textOf(key, value);
      ensureStateDir(stateDir);
      file.use((database) => transaction(database, () => put(database, key, text)));
    },
  };
}

/** The JSON of a value; null for what is to be forgotten. */
function textOf(key: string, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw refused('bad-setting', `The value for ${key} is no JSON: ${messageOf(error)}.`, 'Keep plain data only.');
  }
  if (text === undefined) throw refused('bad-setting', `The value for ${key} is no JSON.`, 'Keep plain data only.');
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_SETTING_BYTES) {
    const message = `The value for ${key} has ${bytes} bytes; at most ${MAX_SETTING_BYTES} are kept under one key.`;
    throw refused('bad-setting', message, 'Keep less, or spread it over several keys. What was kept before stays.');
  }
  return text;
}

function put(database: DatabaseSync, key: string, text: string | null): void {
  if (text === null) {
    database.prepare('DELETE FROM settings WHERE key = ?').run(key);
    return;
  }
  const others = Number(database.prepare('SELECT count(*) AS n FROM settings WHERE key <> ?').get(key)?.['n'] ?? 0);
  if (others >= MAX_SETTINGS) {
    const message = `There are ${others} settings already; at most ${MAX_SETTINGS} are kept.`;
    throw refused('too-many-settings', message, 'Forget some that are not used any more: save null under their keys.');
  }
  database.prepare('INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value').run(key, text);
}

/** A value that somebody else has broken is as good as none: the client then starts from its defaults. */
function parse(text: string, key: string, notice: (text: string) => void): unknown {
  try {
    return JSON.parse(text);
  } catch {
    notice(`The setting ${key} could not be read and counts as not set.`);
    return null;
  }
}

const refused = (code: string, message: string, hint: string): FirebreakError =>
  new FirebreakError(code, message, { hint, exitCode: EXIT.usage });
