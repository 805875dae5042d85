import { type Clock } from '../../kernel/clock.ts';
import { type EffectFigure } from '../../kernel/fault.ts';
import { cpuSeconds } from '../../host/cpu.ts';
import { type Held } from '../../host/held.ts';
import { residentMB } from '../../host/memory.ts';
import { coresInWords, percent } from './manifest.ts';
import { type ResourceUndo } from './plan.ts';

export interface Measured {
  readonly bitten: boolean;
  readonly detail: string;
  readonly figure: EffectFigure;
}
/** Measures one child from outside, as the operating system sees it. */
export type Meter = ((signal: AbortSignal) => Promise<Measured>) & Disposable;
export type CpuMeter = Meter;
export type RamMeter = Meter;

/** The system counts CPU time in steps of 10 ms: over this span a step is 2 % at most. */
const LEAST_WINDOW_MS = 500;
/** Less than this share of what was asked is no effect worth the name. */
const BITE = 0.5;
/** How long a chunk in the making is waited for before measuring; 4 GB take some 3 s to touch. */
const CHUNK_WITHIN_MS = 4_000;

/** The load per core, as the mean since the threads began; bitten by the load since the last look. */
export function cpuMeter(child: Held, asked: NonNullable<ResourceUndo['cpu']>, clock: Clock): CpuMeter {
  const startedAt = clock.now();
  const first = cpuSeconds(child.pid) ?? 0;
  let [lastAt, lastUsed, samples, mean]: [number, number, number, number | null] = [startedAt, first, 0, null];
  const niceness = child.news.get('nice') === 0 ? 'at ordinary priority, so a busy machine may take part of it' : '';
  const measure = async (signal: AbortSignal): Promise<Measured> => {
    const missing = LEAST_WINDOW_MS - (clock.now() - lastAt);
    if (missing > 0) await clock.sleep(missing, signal).catch(() => {});
    const now = clock.now();
    const used = child.alive ? cpuSeconds(child.pid) : undefined;
    const per = (seconds: number, ms: number): number => (ms <= 0 ? 0 : (seconds * 1_000) / ms / asked.cores);
    let recent = 0;
    if (used !== undefined) {
      // Called again at once when aborted: too short a window says nothing new.
      recent = now - lastAt >= LEAST_WINDOW_MS / 2 ? per(used - lastUsed, now - lastAt) : (mean ?? 0);
      mean = per(used - first, now - startedAt);
      [lastAt, lastUsed] = [now, used];
      samples++;
    }
    const detail = used === undefined
      ? 'the process that loads the CPU has ended'
      : `process ${child.pid} loads ${coresInWords(asked.cores)} to ${percent(recent)} now`;
    const figure: EffectFigure = { name: 'cpu load', unit: 'ratio', requested: asked.load, delivered: mean, samples };
    return { bitten: used !== undefined && recent >= asked.load * BITE, detail: [detail, niceness].filter(Boolean).join(', '), figure };
  };
  return Object.assign(measure, { [Symbol.dispose]: () => child[Symbol.dispose]() });
}

const LIMITS: Readonly<Record<string, string>> = {
  ceiling: 'stopped by the ceiling over all memory faults',
  reserve: 'stopped to leave the reserve free',
};

/** The resident memory of the child above what it had when empty, against the chunks that were due by now. */
export function ramMeter(child: Held, asked: NonNullable<ResourceUndo['ram']>, empty: number, clock: Clock): RamMeter {
  let samples = 0;
  let peak = 0;
  const number = (key: string): number => Number(child.news.get(key) ?? 0);
  const measure = async (signal: AbortSignal): Promise<Measured> => {
    const giveUp = clock.now() + CHUNK_WITHIN_MS;
    while (child.alive && !signal.aborted && (number('done') === 0 || number('done') < number('takes')) && clock.now() < giveUp) {
      await clock.sleep(10, signal).catch(() => {});
    }
    const resident = child.alive ? residentMB(child.pid) : undefined;
    const requested = Math.min(asked.cap, asked.chunk * (asked.spike > 0 ? 1 : Math.max(1, number('takes'))));
    const now = resident === undefined ? null : Math.max(0, resident - empty);
    if (now !== null) samples++;
    peak = Math.max(peak, now ?? 0);
    // Between two spikes there is nothing to see: what the highest was, counts.
    const delivered = now !== null && asked.spike > 0 ? peak : now;
    const limit = LIMITS[String(child.news.get('limit'))];
    const detail = delivered === null
      ? 'the process that holds the memory has ended'
      : `process ${child.pid} holds ${Math.round(now ?? 0)} MB${asked.spike > 0 ? ` in spike ${number('takes')}` : ''}`;
    return {
      bitten: delivered !== null && delivered >= requested * BITE,
      detail: [detail, limit].filter(Boolean).join(', '),
      figure: { name: asked.spike > 0 ? 'memory, highest' : 'memory', unit: 'MB', requested, delivered, samples },
    };
  };
  return Object.assign(measure, { [Symbol.dispose]: () => child[Symbol.dispose]() });
}
