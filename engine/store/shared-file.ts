import { existsSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type DatabaseSync } from 'node:sqlite';
import { type Clock } from '../kernel/clock.ts';
import { EXIT, type ExitCode, FirebreakError, messageOf } from '../kernel/errors.ts';
import { isCorrupt, openDatabase, SQLITE } from './database.ts';
import { holdLock } from './lock.ts';

export interface SharedFileOptions {
  readonly path: string;
  /** What makes the tables of a new file; run again when `marker` is missing, so each statement must bear that. */
  readonly schema: string;
  /** The last thing that `schema` makes: a file without it was never finished. */
  readonly marker: string;
  /** What a person calls the content: `history`. The code of its error is `<noun>-unwritable`. */
  readonly noun: string;
  /** The remedy when the file cannot be used. */
  readonly hint: string;
  readonly exitCode?: ExitCode;
  readonly clock: Clock;
  /** Hears, in sentences for the log, what had to be set aside. */
  readonly notice: (text: string) => void;
}

/**
 * A SQLite file that several processes use and that may be damaged at any time. A connection lives for one call: calls
 * are seconds apart, and a file that another process has set aside is then never written to. A damaged file is set
 * aside as evidence, and a new one begun.
 */
export class SharedFile {
  readonly #options: SharedFileOptions;

  constructor(options: SharedFileOptions) {
    this.#options = options;
  }

  /** Reads every page: a damaged file is better found now than when it is needed. Never throws: `notice` is told. */
  inspect(): void {
    try {
      this.use(check);
    } catch (error) {
      // What needs no such file, HALT above all, must not fail for want of one; what does will say so itself.
      this.#options.notice(messageOf(error));
    }
  }

  get path(): string {
    return this.#options.path;
  }

  /** False while nothing was ever written: reading then needs no file, which a disk that is full could not give. */
  get exists(): boolean {
    return existsSync(this.#options.path);
  }

  /** Runs `work` on the file. Throws FirebreakError `<noun>-unwritable` when it cannot be used, and what `work` throws. */
  use<T>(work: (database: DatabaseSync) => T): T {
    for (let attempt = 0; ; attempt++) {
      try {
        using connection = this.#connect();
        return work(connection.database);
      } catch (error) {
        if (error instanceof FirebreakError) throw error;
        if (attempt > 0 || !isCorrupt(error)) throw this.#unusable(error);
        this.#setAside();
      }
    }
  }

  #connect(): Disposable & { readonly database: DatabaseSync } {
    const { path, schema, marker } = this.#options;
    const fresh = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0;
    const database = openDatabase(path);
    try {
      const made = database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?');
      if (fresh || made.get(marker) === undefined) database.exec(schema);
      return { database, [Symbol.dispose]: () => database.close() };
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Under a lock, and only when the file is still damaged: another process may have been quicker. */
  #setAside(): void {
    const { path, noun, clock, notice } = this.#options;
    const lock = join(dirname(path), `${basename(path, '.db')}.mend.lock`);
    using held = holdLock(lock, 10_000);
    if (held === undefined) throw this.#unusable(new Error('another process has been mending it for 10 s'));
    if (this.#sound()) return;
    const mark = `damaged-${new Date(clock.wall()).toISOString().replaceAll(':', '')}-${process.pid}`;
    for (const name of [path, `${path}-journal`]) if (existsSync(name)) renameSync(name, `${name}.${mark}`);
    notice(`The ${noun} could not be read. It was set aside as ${path}.${mark}, and a new one was begun.`);
  }

  #sound(): boolean {
    try {
      using connection = this.#connect();
      check(connection.database);
      return true;
    } catch (error) {
      if (isCorrupt(error)) return false;
      throw error;
    }
  }

  #unusable(cause: unknown): FirebreakError {
    const { noun, path, hint, exitCode = EXIT.failure } = this.#options;
    return new FirebreakError(`${noun}-unwritable`, `cannot use the ${noun} ${path}: ${messageOf(cause)}`, { hint, exitCode, cause });
  }
}

/** Throws what SQLite throws for a damaged file. */
function check(database: DatabaseSync): void {
  const found = String(Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0]);
  // quick_check answers in words where a query would throw.
  if (found !== 'ok') throw Object.assign(new Error(found), { errcode: SQLITE.corrupt });
}
