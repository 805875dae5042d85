import { freemem, totalmem } from 'node:os';
import { controlLevels, readText } from './cgroups.ts';
import { capture, OWN_MARK } from './spawn.ts';
import { listProcesses, readProcess } from './processes.ts';

/** The role of children that hold memory; part of their mark. */
export const RAM_ROLE = 'ram';
const MB = 1_048_576;

/** The memory limit of this process's control group and what is used of it, in MB; undefined when there is none. */
export function groupMemory(): { readonly limit: number; readonly used: number } | undefined {
  if (process.platform !== 'linux') return undefined;
  const limits = controlLevels('memory').flatMap(({ folder, v2 }) => {
    const limit = megabytes(readText(`${folder}/${v2 ? 'memory.max' : 'memory.limit_in_bytes'}`));
    const used = megabytes(readText(`${folder}/${v2 ? 'memory.current' : 'memory.usage_in_bytes'}`));
    // Without a limit the file says `max`, or a number beyond all memory.
    return limit < totalmem() / MB && used >= 0 ? [{ limit, used }] : [];
  });
  return limits.sort((a, b) => a.limit - a.used - (b.limit - b.used))[0];
}

const megabytes = (text: string): number => (text === '' ? Number.NaN : Number(text) / MB);

/** The memory that there is for this process in all, in MB. */
export function totalMB(): number {
  return Math.min(totalmem() / MB, groupMemory()?.limit ?? Infinity);
}

/** The memory that can still be had without swapping, in MB: the system's estimate, or less where a group limits it. */
export function availableMB(): number {
  const estimate = /^MemAvailable:\s+(\d+) kB/m.exec(readText('/proc/meminfo'))?.[1];
  const system = estimate === undefined ? freemem() / MB : Number(estimate) / 1_024;
  const group = groupMemory();
  return Math.min(system, group === undefined ? Infinity : group.limit - group.used);
}

/** What a memory fault leaves free in any case, in MB: room for the room itself to undo it. */
export function reserveMB(): number {
  return Math.max(512, totalMB() / 10);
}

/** The resident memory of a process in MB, as the kernel counts it; undefined when it is gone. */
export function residentMB(pid: number): number | undefined {
  if (process.platform !== 'linux') {
    if (readProcess(pid) === undefined) return undefined;
    return Number(capture('ps', ['-o', 'rss=', '-p', String(pid)])) / 1_024;
  }
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readText(`/proc/${pid}/status`))?.[1];
  return kb === undefined ? undefined : Number(kb) / 1_024;
}

/** What the memory holders of every Firebreak on this machine may hold in all, in MB, but for the process `except`. */
export function othersRamMB(except = 0): number {
  let total = 0;
  for (const info of listProcesses()) {
    if (info.pid === except || !info.argv.some((arg) => arg.startsWith(`${OWN_MARK}${RAM_ROLE}:`))) continue;
    total += Number(info.argv.find((arg) => arg.startsWith('--cap='))?.slice('--cap='.length) ?? 0);
  }
  return total;
}
