import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { capture, OWN_MARK } from './spawn.ts';
import { listProcesses, readProcess } from './processes.ts';

/** The role of children that hold memory; part of their mark. */
export const RAM_ROLE = 'ram';
const MB = 1_048_576;

/** The memory limit of this process's control group and what is used of it, in MB; undefined when there is none. */
export function groupMemory(): { readonly limit: number; readonly used: number } | undefined {
  if (process.platform !== 'linux') return undefined;
  let tightest: { limit: number; used: number } | undefined;
  for (const line of read('/proc/self/cgroup').split('\n')) {
    const [, controllers = '', path = ''] = line.split(':');
    const v2 = controllers === '';
    if (!v2 && !controllers.split(',').includes('memory')) continue;
    const root = v2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
    // A limit may lie on any level; inside a container the path is often that of the host and only the root is there.
    for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
      const limit = Number(read(`${root}${at}/${v2 ? 'memory.max' : 'memory.limit_in_bytes'}`) || Number.NaN) / MB;
      const used = Number(read(`${root}${at}/${v2 ? 'memory.current' : 'memory.usage_in_bytes'}`) || Number.NaN) / MB;
      const real = Number.isFinite(limit) && Number.isFinite(used) && limit < totalmem() / MB;
      if (real && (tightest === undefined || limit - used < tightest.limit - tightest.used)) tightest = { limit, used };
      if (at === '') break;
    }
  }
  return tightest;
}

/** The memory that there is for this process in all, in MB. */
export function totalMB(): number {
  return Math.min(totalmem() / MB, groupMemory()?.limit ?? Infinity);
}

/** The memory that can still be had without swapping, in MB: the system's estimate, or less where a group limits it. */
export function availableMB(): number {
  const estimate = /^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo'))?.[1];
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
  if (process.platform !== 'linux') return readProcess(pid) === undefined ? undefined : Number(capture('ps', ['-o', 'rss=', '-p', String(pid)])) / 1_024;
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1];
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

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
