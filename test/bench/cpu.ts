import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { realClock } from '../../engine/kernel/clock.ts';
import { CPU_ROLE, cpuSeconds, startCpuLoad, usableCores } from '../../engine/host/cpu.ts';
import { endHeld } from '../../engine/host/held.ts';
import { type Figure } from './figure.ts';

/** How long each load is measured, in milliseconds; the system counts CPU time in steps of 10 ms, 0.3 % of this. */
const MEASURE = 3_000;
const LOADS = [0.3, 0.5, 0.8, 0.9];

/** How far the CPU load that is delivered lies from the one asked for, as the system counts it, in points. */
export async function run(say: (line: string) => void): Promise<readonly Figure[]> {
  const cores = usableCores();
  const figures: Figure[] = [];
  for (const mood of ['idle', 'busy'] as const) {
    // One endless loop for each core: without priority the load would get half of each.
    const hogs = Array.from({ length: mood === 'busy' ? cores : 0 }, () => new Worker('for (;;);', { eval: true }));
    try {
      for (const load of LOADS) {
        const { delivered, ended, ahead } = await measure(cores, load);
        if (!ahead) say('cpu: priority may not be raised here, so a busy machine takes part of the load');
        const name = `${mood} machine, ${load * 100} % of ${cores} cores`;
        figures.push({ bench: 'cpu', metric: `${name}: error`, value: round(Math.abs(delivered - load) * 100), unit: 'points' });
        figures.push({ bench: 'cpu', metric: `${name}: end`, value: round(ended), unit: 'ms' });
      }
    } finally {
      await Promise.all(hogs.map((hog) => hog.terminate()));
    }
  }
  return figures;
}

interface Measured {
  /** Per core, 0-1. */
  readonly delivered: number;
  /** From the call of revert until the process is gone, in milliseconds. */
  readonly ended: number;
  readonly ahead: boolean;
}

async function measure(cores: number, load: number): Promise<Measured> {
  const token = randomBytes(9).toString('hex');
  using held = startCpuLoad({ token, cores, load, hold: 60_000 }, realClock);
  try {
    await held.ready(AbortSignal.timeout(10_000));
    const [at, used] = [realClock.now(), cpuSeconds(held.pid) ?? Number.NaN];
    await realClock.sleep(MEASURE);
    const delivered = (((cpuSeconds(held.pid) ?? Number.NaN) - used) * 1_000) / (realClock.now() - at) / cores;
    const end = realClock.now();
    await endHeld(CPU_ROLE, token, realClock);
    return { delivered, ended: realClock.now() - end, ahead: held.news.get('nice') !== 0 };
  } finally {
    await endHeld(CPU_ROLE, token, realClock);
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;
