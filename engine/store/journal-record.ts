import { createHash } from 'node:crypto';
import { z } from 'zod';
import { faultId } from '../kernel/brands.ts';
import { messageOf } from '../kernel/errors.ts';

/** The steps of an undo record, in order; each is a row of its own and the newest row of a fault counts. */
export const undoStep = z.enum(['planned', 'applied', 'amended', 'reverting', 'reverted']);
export type UndoStep = z.infer<typeof undoStep>;

/** Identifies a process beyond its number, which the system reuses: `started` is the host's mark of its birth. */
export const processMark = z.object({ pid: z.int().positive(), started: z.string().max(200) });
export type ProcessMark = z.infer<typeof processMark>;

/** One row of the undo journal: all that another process needs to undo the fault, and to prove it. */
export const undoRecord = z.object({
  seq: z.int().positive(),
  /** Wall-clock milliseconds; for people. */
  at: z.number(),
  step: undoStep,
  fault: faultId,
  run: z.string(),
  policy: z.string(),
  type: z.string(),
  /** `wire` faults live in the memory of their owner and die with it. */
  layer: z.enum(['wire', 'host']),
  target: z.string(),
  action: z.string(),
  inverse: z.string(),
  reversible: z.boolean(),
  /** See TargetPlan. */
  takes: z.array(z.string()).optional(),
  owner: processMark,
  /** How long it may be held, in milliseconds from its first row on. Absent: nobody knows. */
  hold: z.number().min(0).optional(),
  /** The injector's own record, checked by its schema before use. */
  undo: z.unknown(),
  /** Fingerprint before injection, and after the newest revert. */
  before: z.string(),
  after: z.string().nullable(),
  note: z.string(),
});
export type UndoRecord = z.infer<typeof undoRecord>;

/**
 * The longest a record may be, in bytes: it must fit one page of 64 KiB whole (SQLite keeps at most page size - 35
 * bytes of a cell in place), so that salvage finds it in one piece in a file that SQLite can no longer read.
 */
export const MAX_RECORD = 60_000;

const MAGIC = 'FBJ1 ';
const HEAD = /^FBJ1 (\d{1,6}) ([0-9a-f]{64}) /;
/** Magic, up to 6 digits, a space, 64 digits of SHA-256, a space. */
const HEAD_MAX = MAGIC.length + 6 + 1 + 64 + 1;

/** Writes a record as one self-delimiting text: magic, length in bytes, SHA-256, JSON. It holds no line break. */
export function encodeRecord(record: UndoRecord): string {
  const json = JSON.stringify(record);
  return `${MAGIC}${Buffer.byteLength(json)} ${checksum(Buffer.from(json))} ${json}`;
}

/** Reads one encoded record at `from`. @returns the record and where it ends, or what is wrong with it. */
export function decodeRecord(
  bytes: Buffer,
  from = 0,
): { readonly record: UndoRecord; readonly end: number } | { readonly wrong: string } {
  const head = HEAD.exec(bytes.toString('latin1', from, Math.min(bytes.length, from + HEAD_MAX)));
  if (head === null) return { wrong: 'it does not begin like an undo record' };
  const start = from + head[0].length;
  const end = start + Number(head[1]);
  if (end > bytes.length) return { wrong: 'it is cut short' };
  const json = bytes.subarray(start, end);
  if (checksum(json) !== head[2]) return { wrong: 'its content does not match its checksum' };
  try {
    return { record: undoRecord.parse(JSON.parse(json.toString('utf8'))), end };
  } catch (error) {
    return { wrong: `it cannot be understood: ${messageOf(error).slice(0, 200)}` };
  }
}

/** Finds every whole record in raw bytes, whatever lies between them. */
export function scanRecords(bytes: Buffer): UndoRecord[] {
  const found = new Map<number, UndoRecord>();
  for (let at = bytes.indexOf(MAGIC); at >= 0;) {
    const result = decodeRecord(bytes, at);
    if ('record' in result) found.set(result.record.seq, result.record);
    at = bytes.indexOf(MAGIC, 'record' in result ? result.end : at + 1);
  }
  return [...found.values()].sort((a, b) => a.seq - b.seq);
}

function checksum(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
