import { accessSync, constants } from 'node:fs';
import { type Clock } from '../../kernel/clock.ts';
import { errnoOf } from '../../kernel/errors.ts';
import { type Effect, type EffectFigure } from '../../kernel/fault.ts';
import { type LimitCounts, limitCounts, limitHolds } from '../../host/control-limits.ts';
import { endedInWords } from '../../host/identity.ts';
import { outOfReach } from '../../host/disk-place.ts';
import { countInodes, sizeMB, spaceOf } from '../../host/disk-space.ts';
import { type DiskUndo, entryName, type UndoOf } from './undo.ts';

/** Measures one fault from outside, as the system shows it. */
export type Meter = () => Effect;

/** Less than this share of what was asked for is not what was asked for. */
const BITE = 0.9;

export function meterOf(undo: DiskUndo, clock: Clock): Meter {
  switch (undo.action) {
    case 'fill':
      return fillMeter(undo);
    case 'inodes':
      return inodesMeter(undo);
    case 'read-only':
      return () => readOnlyNow(undo);
    case 'limit':
      return limitMeter(undo, clock);
  }
}

const entryOf = (undo: DiskUndo): string => `${undo.folder.path}/${entryName(undo)}`;

function fillMeter(undo: UndoOf<'fill'>): Meter {
  let samples = 0;
  return () => {
    const away = awayFrom(undo);
    if (away !== undefined) return away;
    const delivered = sizeMB(entryOf(undo));
    const { usedMB, availableMB } = spaceOf(undo.folder.path);
    return {
      bitten: delivered >= undo.mb * BITE,
      detail: `${tenths((100 * usedMB) / (usedMB + availableMB))} % of the disk are used, ${tenths(availableMB)} MB are available`,
      figures: [{ name: 'disk taken', unit: 'MB', requested: undo.mb, delivered, samples: ++samples }],
    };
  };
}

function inodesMeter(undo: UndoOf<'inodes'>): Meter {
  let samples = 0;
  // Counted once: so many names take a while to read, and nobody but the revert removes them.
  let counted: number | undefined;
  return () => {
    const away = awayFrom(undo);
    if (away !== undefined) return away;
    counted ??= countInodes(entryOf(undo));
    const { freeInodes } = spaceOf(undo.folder.path);
    return {
      bitten: counted >= undo.count * BITE,
      detail: `${freeInodes} inodes are free`,
      figures: [{ name: 'inodes taken', unit: 'count', requested: undo.count, delivered: counted, samples: ++samples }],
    };
  };
}

/** Nothing is claimed of a folder that its path does not lead to any more. */
function awayFrom({ folder }: Pick<DiskUndo, 'folder'>): Effect | undefined {
  const detail = outOfReach(folder);
  return detail === '' ? undefined : { bitten: false, detail, figures: [] };
}

/** Asks the kernel whether it would let write, which tries nothing. */
function readOnlyNow({ folder }: UndoOf<'read-only'>): Effect {
  const away = awayFrom({ folder });
  if (away !== undefined) return away;
  let answer = '';
  try {
    accessSync(folder.path, constants.W_OK);
  } catch (error) {
    answer = errnoOf(error);
  }
  return { bitten: answer === 'EROFS', detail: answer === 'EROFS' ? 'whoever writes is refused (EROFS)' : 'it can still be written to', figures: [] };
}

/** What is throttled passes in bursts: a shorter time than this between two looks says little of a rate, in milliseconds. */
const LEAST_WINDOW_MS = 900;

/**
 * The limits are read back. The rates are the highest that were seen between two looks: a process that reads and writes less than
 * it may is no sign of a limit that does not hold.
 */
function limitMeter(undo: UndoOf<'limit'>, clock: Clock): Meter {
  const asked = ratesOf(undo);
  const last = new Map(undo.limits.map((entry) => [entry.group, { at: clock.now(), counts: limitCounts(entry)?.disk }]));
  const most: Record<keyof LimitCounts['disk'], number> = { read: 0, write: 0, readOps: 0, writeOps: 0 };
  const samples = { read: 0, write: 0, readOps: 0, writeOps: 0 };
  return () => {
    const now = clock.now();
    for (const entry of undo.limits) {
      const before = last.get(entry.group);
      const counts = limitCounts(entry)?.disk;
      if (counts === undefined || (before !== undefined && now - before.at < LEAST_WINDOW_MS)) continue;
      last.set(entry.group, { at: now, counts });
      if (before?.counts === undefined) continue;
      for (const key of KEYS) {
        const rate = ((counts[key] - before.counts[key]) * 1_000) / (now - before.at);
        if (rate > 0) samples[key]++;
        most[key] = Math.max(most[key], rate);
      }
    }
    const holding = undo.limits.filter(limitHolds);
    const force = `the limit is in force on ${holding.map(({ pid, name }) => `${pid} (${name})`).join(', ') || 'no process any more'}`;
    return {
      bitten: holding.length > 0,
      detail: [force, endedInWords(undo.limits)].filter(Boolean).join('; '),
      figures: KEYS.filter((key) => asked[key] > 0).map((key) => figureOf(key, asked[key], most[key], samples[key])),
    };
  };
}

const KEYS = ['read', 'write', 'readOps', 'writeOps'] as const;
const NAMES = { read: 'read rate', write: 'write rate', readOps: 'reads', writeOps: 'writes' } as const;

function figureOf(key: (typeof KEYS)[number], requested: number, rate: number, samples: number): EffectFigure {
  const [unit, scale] = key === 'read' || key === 'write' ? (['KB/s', 1_000] as const) : (['per s', 1] as const);
  return { name: `highest ${NAMES[key]}`, unit, requested: requested / scale, delivered: samples === 0 ? null : rate / scale, samples };
}

/** What was asked for, from what is written. */
function ratesOf(undo: UndoOf<'limit'>): Readonly<Record<(typeof KEYS)[number], number>> {
  const text = (undo.limits[0]?.writes ?? []).map(({ file, value }) => `${file} ${value}`).join('\n');
  const value = (v1: string, v2: string): number =>
    Number((new RegExp(`^blkio\\.throttle\\.${v1}_device \\S+ (\\d+)$`, 'm').exec(text) ?? new RegExp(`\\b${v2}=(\\d+)`).exec(text))?.[1] ?? 0);
  return { read: value('read_bps', 'rbps'), write: value('write_bps', 'wbps'), readOps: value('read_iops', 'riops'), writeOps: value('write_iops', 'wiops') };
}

const tenths = (value: number): number => Math.round(value * 10) / 10;
