import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type DatabaseSync } from 'node:sqlite';
import { type FaultId } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { makeDirectory } from '../kernel/directory.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type JournalDamage } from '../contract/models.ts';
import { isCorrupt, transaction } from './database.ts';
import { filesOf, inodeOf, openJournalFile, readable, readRows } from './journal-file.ts';
import {
  decodeRecord,
  encodeRecord,
  MAX_RECORD,
  scanRecords,
  type UndoRecord,
  type UndoStep,
} from './journal-record.ts';
import { holdLock } from './lock.ts';
import { appendMirror, readMirror } from './mirror.ts';

/** What a writer says of a new row; the journal adds number and time. */
export type UndoDraft = Omit<UndoRecord, 'seq' | 'at'>;

/**
 * The undo journal of a state directory, shared by every process that uses it. Rows are only ever added; the newest row
 * of a fault says where it stands. Safe for several processes at once.
 */
export interface Journal extends Disposable {
  /**
   * Adds a row; it is on the disk when this returns. With `unless`, adds nothing and returns undefined when the newest
   * row of the fault, whoever wrote it, is at one of these steps.
   * Throws FirebreakError `journal-unwritable` (full disk, read-only) or `undo-too-large`.
   */
  append(draft: UndoDraft): UndoRecord;
  append(draft: UndoDraft, unless: readonly UndoStep[]): UndoRecord | undefined;
  /** The newest row of a fault, read from the disk now. */
  latest(fault: FaultId): UndoRecord | undefined;
  /** The newest row of every fault that is not proven reverted, in the order in which they were planned. */
  open(): readonly UndoRecord[];
  /** What could not be trusted in the files; the other records stand. */
  damage(): readonly JournalDamage[];
  /** Sets damaged files aside as evidence and goes on in new ones with every good record; returns what it mended. */
  mend(): readonly JournalDamage[];
}

/** Makes the state directory, for its owner only. Throws FirebreakError `state-unwritable`. */
export function ensureStateDir(stateDir: string): void {
  try {
    makeDirectory(stateDir, 0o700);
  } catch (error) {
    throw new FirebreakError('state-unwritable', `cannot make the state directory ${stateDir}: ${messageOf(error)}`, {
      hint: 'Choose a directory that you may write to. Nothing was injected.',
      cause: error,
    });
  }
}

/** Opens (or makes) the journal in `stateDir`. Throws FirebreakError `state-unwritable` or `journal-unwritable`. */
export function openJournal(stateDir: string, clock: Clock): Journal {
  ensureStateDir(stateDir);
  return new DiskJournal(stateDir, clock);
}

class DiskJournal implements Journal {
  readonly #dir: string;
  readonly #clock: Clock;
  #database: DatabaseSync | undefined;
  #inode = 0n;
  #torn = false;
  #lastSeq = 0;
  /** Rows by fault; a Map keeps the order in which the faults were planned. */
  #newest = new Map<FaultId, UndoRecord>();
  #damage: JournalDamage[] = [];
  #mended: JournalDamage[] = [];

  constructor(stateDir: string, clock: Clock) {
    this.#dir = stateDir;
    this.#clock = clock;
    this.#use(() => undefined);
  }

  append(draft: UndoDraft): UndoRecord;
  append(draft: UndoDraft, unless: readonly UndoStep[]): UndoRecord | undefined;
  append(draft: UndoDraft, unless: readonly UndoStep[] = []): UndoRecord | undefined {
    return this.#use((database) => {
      let encoded = '';
      const record = transaction(database, () => {
        this.#refresh(database);
        const newest = this.#newest.get(draft.fault);
        if (newest !== undefined && unless.includes(newest.step)) return undefined;
        const row: UndoRecord = { seq: this.#lastSeq + 1, at: this.#clock.wall(), ...draft };
        encoded = encodeRecord(row);
        if (Buffer.byteLength(encoded) > MAX_RECORD) throw tooLarge(draft, Buffer.byteLength(encoded));
        database.prepare('INSERT INTO record (seq, payload) VALUES (?, ?)').run(row.seq, encoded);
        return row;
      });
      if (record === undefined) return undefined;
      this.#take(record);
      this.#copy([encoded]);
      return record;
    });
  }

  latest(fault: FaultId): UndoRecord | undefined {
    return this.#use((database) => {
      this.#refresh(database);
      const known = this.#newest.get(fault);
      if (known === undefined) return undefined;
      const row = database.prepare('SELECT payload FROM record WHERE seq = ?').get(known.seq);
      const result = decodeRecord(Buffer.from(String(row?.['payload'] ?? '')));
      if ('record' in result) return result.record;
      // The row was good when it was read or written, and is not any more: report it, and undo by the good reading.
      this.#report(`journal.db row ${known.seq}`, result.wrong);
      return known;
    });
  }

  open(): readonly UndoRecord[] {
    this.#use((database) => this.#refresh(database));
    return [...this.#newest.values()].filter((record) => record.step !== 'reverted');
  }

  damage(): readonly JournalDamage[] {
    return [...this.#mended, ...this.#damage];
  }

  mend(): readonly JournalDamage[] {
    this.#use((database) => this.#refresh(database));
    if (this.#damage.length > 0) {
      this[Symbol.dispose]();
      this.#rebuild(true);
      this.#use(() => undefined);
    }
    const mended = this.#mended;
    this.#mended = [];
    return mended;
  }

  [Symbol.dispose](): void {
    this.#database?.close();
    this.#database = undefined;
  }

  get #path(): string {
    return join(this.#dir, 'journal.db');
  }
  get #mirror(): string {
    return join(this.#dir, 'journal.log');
  }

  /** Runs `work` on the file that is there now: opened when need be, rebuilt when SQLite cannot read it. */
  #use<T>(work: (database: DatabaseSync) => T): T {
    for (let attempt = 0; ; attempt++) {
      try {
        return work(this.#current());
      } catch (error) {
        if (error instanceof FirebreakError) throw error;
        if (attempt > 0) throw unwritable(this.#dir, error);
        // Once more on a fresh connection: the file may have been cut to nothing under the old one.
        this[Symbol.dispose]();
        if (isCorrupt(error)) this.#rebuild(false);
      }
    }
  }

  #current(): DatabaseSync {
    // Another process may have set the file aside and begun a new one: what is written to the old one would be lost.
    if (this.#database !== undefined && inodeOf(this.#path) === this.#inode) return this.#database;
    this[Symbol.dispose]();
    const mirror = readMirror(this.#mirror);
    const database = openJournalFile(this.#path);
    try {
      this.#load(database, mirror);
    } catch (error) {
      database.close();
      throw error;
    }
    this.#inode = inodeOf(this.#path);
    this.#database = database;
    return database;
  }

  /** Reads everything: the mirror first, so that a row it has and the database has not is a row that was lost. */
  #load(database: DatabaseSync, mirror: ReturnType<typeof readMirror>): void {
    this.#newest = new Map();
    this.#lastSeq = 0;
    this.#damage = [...mirror.damage];
    this.#torn = mirror.torn;
    const stored = readRows(database, 0);
    const good = new Map(stored.flatMap((row) => ('record' in row ? [[row.seq, row.record] as const] : [])));
    const present = new Set(stored.map((row) => row.seq));
    for (const row of stored) {
      if ('wrong' in row)
        this.#report(
          `journal.db row ${row.seq}`,
          row.wrong + (mirror.records.has(row.seq) ? '; its copy is used' : ''),
        );
    }
    const missing = [...mirror.records.keys()].filter((seq) => !present.has(seq));
    if (missing.length > 0)
      this.#report(`journal.db rows ${missing.join(', ').slice(0, 200)}`, 'missing; their copies are used');
    const seqs = [...new Set([...present, ...mirror.records.keys()])].sort((a, b) => a - b);
    for (const seq of seqs) {
      const record = good.get(seq) ?? mirror.records.get(seq);
      if (record !== undefined) this.#take(record);
      this.#lastSeq = Math.max(this.#lastSeq, seq);
    }
    this.#copy([...good.values()].filter((record) => !mirror.records.has(record.seq)).map(encodeRecord));
  }

  /** Takes in what other processes have added since. */
  #refresh(database: DatabaseSync): void {
    for (const row of readRows(database, this.#lastSeq)) {
      this.#lastSeq = Math.max(this.#lastSeq, row.seq);
      if ('record' in row) this.#take(row.record);
      else this.#report(`journal.db row ${row.seq}`, row.wrong);
    }
  }

  #take(record: UndoRecord): void {
    const known = this.#newest.get(record.fault);
    if (known === undefined || known.seq < record.seq) this.#newest.set(record.fault, record);
    this.#lastSeq = Math.max(this.#lastSeq, record.seq);
  }

  #copy(encoded: readonly string[]): void {
    if (encoded.length === 0) return;
    try {
      appendMirror(this.#mirror, encoded, this.#torn);
      this.#torn = false;
    } catch (error) {
      // The database has the record; only its second copy is missing.
      this.#report('journal.log', `the second copy cannot be written: ${messageOf(error)}`);
    }
  }

  #report(where: string, what: string): void {
    if (!this.#damage.some((known) => known.where === where)) this.#damage.push({ where, what });
  }

  /**
   * Sets the files aside and begins new ones with every record that can be found in them. Unless `always`, only when
   * SQLite still cannot read the file once the lock is held: another process may have been quicker.
   */
  #rebuild(always: boolean): void {
    using lock = holdLock(join(this.#dir, 'journal.mend.lock'), 10_000);
    if (lock === undefined) throw unwritable(this.#dir, new Error('another process has been mending it for 10 s'));
    if (!always && readable(this.#path)) return;
    const found = new Map(readMirror(this.#mirror).records);
    const own = filesOf(this.#dir, 'journal.db');
    for (const name of own)
      for (const record of scanRecords(readFileSync(join(this.#dir, name)))) found.set(record.seq, record);
    const mark = `damaged-${new Date(this.#clock.wall()).toISOString().replaceAll(':', '')}-${process.pid}`;
    for (const name of [...own, ...filesOf(this.#dir, 'journal.log')])
      renameSync(join(this.#dir, name), join(this.#dir, `${name}.${mark}`));
    if (!always) {
      const what = `unreadable to SQLite; ${found.size} records were saved, the file set aside as journal.db.${mark}`;
      this.#mended.push({ where: 'journal.db', what });
    }
    this.#mended.push(...this.#damage);
    const records = [...found.values()].sort((a, b) => a.seq - b.seq);
    const database = openJournalFile(this.#path);
    try {
      transaction(database, () => {
        const insert = database.prepare('INSERT INTO record (seq, payload) VALUES (?, ?)');
        for (const record of records) insert.run(record.seq, encodeRecord(record));
      });
    } finally {
      database.close();
    }
  }
}

function tooLarge(draft: UndoDraft, bytes: number): FirebreakError {
  return new FirebreakError(
    'undo-too-large',
    `the undo record of ${draft.policy} on ${draft.target} is ${bytes} bytes; the limit is ${MAX_RECORD}`,
    {
      hint: 'Narrow the target: fewer processes or matches in one fault.',
    },
  );
}

function unwritable(stateDir: string, cause: unknown): FirebreakError {
  return new FirebreakError('journal-unwritable', `cannot write the undo journal in ${stateDir}: ${messageOf(cause)}`, {
    hint: 'Free disk space or make the state directory writable. Without the journal nothing is injected.',
    cause,
  });
}
