import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { errnoOf } from '../kernel/errors.ts';
import { decodeRecord, type UndoRecord } from './journal-record.ts';

/** What a mirror file holds: its whole records by sequence number, and what is wrong with it. */
export interface MirrorContent {
  readonly records: ReadonlyMap<number, UndoRecord>;
  readonly damage: readonly { readonly where: string; readonly what: string }[];
  /** True when the last line was never finished. */
  readonly torn: boolean;
}

/**
 * The journal's second copy: the same records, one a line, in a plain append-only text file. It is what makes a
 * truncated or overwritten database lose nothing, and a person can read it.
 */
export function readMirror(path: string): MirrorContent {
  let content = parse(read(path));
  // Another process may be in the middle of its line: look again before calling it half-written.
  for (let look = 0; content.torn && look < 3; look++) content = parse(read(path));
  return content;
}

/** Adds lines, on the disk when it returns. `torn`: the file ends in a half-written line, so begin a new one. */
export function appendMirror(path: string, encoded: readonly string[], torn: boolean): void {
  const file = openSync(path, 'a', 0o600);
  try {
    writeSync(file, `${torn ? '\n' : ''}${encoded.join('\n')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

function parse(bytes: Buffer): MirrorContent {
  const records = new Map<number, UndoRecord>();
  const damage: { where: string; what: string }[] = [];
  let line = 0;
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    line++;
    if (end > start) {
      const result = decodeRecord(bytes.subarray(start, end));
      if ('record' in result) records.set(result.record.seq, result.record);
      else damage.push({ where: `journal.log line ${line}`, what: result.wrong });
    }
    start = end + 1;
  }
  return { records, damage, torn: bytes.length > 0 && bytes.at(-1) !== 0x0a };
}
