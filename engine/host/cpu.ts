import { availableParallelism } from 'node:os';
import { type Clock } from '../kernel/clock.ts';
import { controlLevels, readText } from './cgroups.ts';
import { type Held, startHeld } from './held.ts';
import { isEnded, readStat } from './processes.ts';
import { capture } from './spawn.ts';

/** The role of children that load the CPU; the inverse of `startCpuLoad` is `endHeld(CPU_ROLE, token)`. */
export const CPU_ROLE = 'cpu';
/** USER_HZ: clock ticks per second of /proc/PID/stat, 100 on every architecture that Node runs on (time(7)). */
const TICKS_PER_SECOND = 100;

export interface CpuLoad {
  readonly token: string;
  readonly cores: number;
  /** On each core, 0-1. */
  readonly load: number;
  /** The child ends by itself after this time, in milliseconds. */
  readonly hold: number;
}

/** The cores that this process may use; less than the machine has where an affinity mask says so. */
export function usableCores(): number {
  return availableParallelism();
}

/** The cores' worth of CPU time that control groups allow this process; undefined when they set no limit. */
export function cpuQuota(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const quotas = controlLevels('cpu').flatMap(({ folder, v2 }) => {
    const [quota, period] = v2
      ? readText(`${folder}/cpu.max`).split(' ')
      : [readText(`${folder}/cpu.cfs_quota_us`), readText(`${folder}/cpu.cfs_period_us`)];
    const cores = Number(quota) / Number(period);
    return cores > 0 && Number.isFinite(cores) ? [cores] : [];
  });
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

/**
 * The niceness of the burner. Ahead of everything else, so that a busy machine does not take its share away: up to a
 * load of 0.9 the rest of each core stays free for others in any case. Above that others would be left with 1 % of a
 * core at -20, too little to start the program that undoes this; at -15 they keep 3.4 % against one busy program
 * (weights 29154 and 1024 of sched_prio_to_weight in kernel/sched/core.c).
 */
export function burnerNice(load: number): number {
  return load <= 0.9 ? -20 : -15;
}

/** Starts a child that loads `cores` cores, one thread each. Ready when all threads burn. */
export function startCpuLoad(asked: CpuLoad, clock: Clock): Held {
  const args = [`--cores=${asked.cores}`, `--load=${asked.load}`, `--nice=${burnerNice(asked.load)}`, `--hold=${asked.hold}`];
  return startHeld({ script: 'cpu-burner', role: CPU_ROLE, token: asked.token, args }, clock);
}

/** The CPU time that a process has had so far, in seconds, as the system counts it; undefined when it is gone. */
export function cpuSeconds(pid: number): number | undefined {
  if (process.platform === 'linux') {
    const stat = readStat(pid);
    return stat === undefined || isEnded(stat) ? undefined : stat.ticks / TICKS_PER_SECOND;
  }
  try {
    return parseCpuTime(capture('ps', ['-o', 'time=', '-p', String(pid)]));
  } catch {
    return undefined;
  }
}

/** Reads `[[D-]H:]M:S[.cc]` of ps as seconds. */
export function parseCpuTime(text: string): number {
  const [days, clock] = text.includes('-') ? text.trim().split('-') : ['0', text.trim()];
  return (clock ?? '').split(':').reduce((total, part) => total * 60 + Number(part), 0) + Number(days) * 86_400;
}
