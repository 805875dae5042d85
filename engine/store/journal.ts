import { join } from 'node:path';
import { type DatabaseSync } from 'node:sqlite';
import { type FaultId } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { makeDirectory } from '../kernel/directory.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type JournalDamage } from '../contract/models.ts';
import { isCorrupt, transaction } from './database.ts';
import { inodeOf, openJournalFile, readable, readRows } from './journal-file.ts';
import { beginAnew } from './journal-mend.ts';
import {
  decodeRecord,
  encodeRecord,
  MAX_RECORD,
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
  /** The newest row of a fault, read from the disk now, or as it was last read when the disk is gone. */
  latest(fault: FaultId): UndoRecord | undefined;
  /** The newest row of every fault that is not proven reverted, in the order in which they were planned. */
  open(): readonly UndoRecord[];
  /** The last row of every fault that was proven reverted at wall-clock time `at` (milliseconds) or later. */
  revertedSince(at: number): readonly UndoRecord[];
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
      hint: 'Choose a directory that you may write to, with --state-dir or FIREBREAK_HOME. Nothing was injected.',
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
    return this.#read((database) => {
      const known = this.#newest.get(fault);
      if (known === undefined) return undefined;
      const row = database.prepare('SELECT payload FROM record WHERE seq = ?').get(known.seq);
      const result = decodeRecord(Buffer.from(String(row?.['payload'] ?? '')));
      if ('record' in result) return result.record;
      // The row was good when it was read or written, and is not any more: report it, and undo by the good reading.
      this.#report(`journal.db row ${known.seq}`, result.wrong);
      return known;
    }, () => this.#newest.get(fault));
  }

  open(): readonly UndoRecord[] {
    this.#read(() => {}, () => {});
    return [...this.#newest.values()].filter((record) => record.step !== 'reverted');
  }

  revertedSince(from: number): readonly UndoRecord[] {
    this.#read(() => {}, () => {});
    return [...this.#newest.values()].filter(({ step, at }) => step === 'reverted' && at >= from);
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

  /**
   * Runs `work` on what all processes have written. While the disk cannot be read, what was read from it before is the
   * only way to undo what is held. Who only reads makes no deleted journal again, unless an open record is to be saved.
   */
  #read<T>(work: (database: DatabaseSync) => T, otherwise: () => T): T {
    const deleted = inodeOf(this.#path) === -1n && inodeOf(this.#mirror) === -1n;
    if (deleted && [...this.#newest.values()].every(({ step }) => step === 'reverted')) return otherwise();
    try {
      return this.#use((database) => {
        this.#refresh(database);
        return work(database);
      });
    } catch (error) {
      if (this.#newest.size === 0) throw error;
      this.#report('journal.db', `${messageOf(error)}; what was read before is used`);
      return otherwise();
    }
  }

  #current(): DatabaseSync {
    // Another process may have set the file aside and begun a new one: what is written to the old one would be lost.
    if (this.#database !== undefined && inodeOf(this.#path) === this.#inode) return this.#database;
    this[Symbol.dispose]();
    ensureStateDir(this.#dir);
    const mirror = readMirror(this.#mirror);
    const database = openJournalFile(this.#path);
    const known = this.#newest;
    try {
      this.#load(database, mirror);
      this.#remember(database, [...known.values()]);
    } catch (error) {
      this.#newest = known;
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

  /**
   * Writes what was read from a former file, and is not in this one, again: somebody deleted a state directory that was
   * in use, and nothing else knows how to undo what is held. Numbers are kept, so that of two that remember the one that
   * knows more wins.
   */
  #remember(database: DatabaseSync, known: readonly UndoRecord[]): void {
    if (known.every((record) => !this.#lacks(record))) return;
    const lost = transaction(database, () => {
      this.#refresh(database);
      const insert = database.prepare('INSERT INTO record (seq, payload) VALUES (?, ?)');
      return known
        .filter((record) => this.#lacks(record))
        .sort((a, b) => a.seq - b.seq)
        .map((record) => {
          const row = { ...record, seq: Math.max(record.seq, this.#lastSeq + 1) };
          insert.run(row.seq, encodeRecord(row));
          this.#take(row);
          return row;
        });
    });
    this.#copy(lost.map(encodeRecord));
    const what = `removed while it was in use; ${lost.length} records were written again`;
    if (lost.length > 0) this.#mended.push({ where: 'journal.db', what });
  }

  /** Whether it says something that this file does not: an open fault, or more of one than the file has. */
  #lacks({ fault, seq, step }: UndoRecord): boolean {
    const here = this.#newest.get(fault);
    return here === undefined ? step !== 'reverted' : here.seq < seq;
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

  /** See `beginAnew`; unless `always`, only when SQLite cannot read the file. */
  #rebuild(always: boolean): void {
    using lock = holdLock(join(this.#dir, 'journal.mend.lock'), 10_000);
    if (lock === undefined) throw unwritable(this.#dir, new Error('another process has been mending it for 10 s'));
    // Another process may have been quicker.
    if (!always && readable(this.#path)) return;
    const { saved, mark } = beginAnew(this.#dir, this.#clock);
    if (!always) {
      const what = `unreadable to SQLite; ${saved} records were saved, the file set aside as journal.db.${mark}`;
      this.#mended.push({ where: 'journal.db', what });
    }
    this.#mended.push(...this.#damage);
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
