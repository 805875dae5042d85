import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Capability } from '../contract/models.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { readText } from './cgroups.ts';
import { type LimitEntry, type Limits, planLimits } from './control-limits.ts';
import { noCacheDrop } from './memory.ts';
import { noRemount } from './mounts.ts';
import { readProcess } from './processes.ts';
import { capture } from './spawn.ts';

/** What can be kept from processes here: disk, memory, processor. Each is tried, and nothing stays of the trial. */
export function roomFacts(): readonly Capability[] {
  const limits = Object.entries(TRIALS).map(([what, limit]) => tried(`limit ${what} of processes`, () => tryLimit(limit)));
  return [...limits, tried('fill a disk', tryFill), tried('mount a disk read-only', tryReadOnly), tried('drop caches', tryCaches)];
}

const TRIALS: Readonly<Record<string, Limits>> = {
  memory: { memoryMB: 64 }, processor: { cores: 0.5 }, number: { pids: 100 },
  // Any device will do: the kernel takes a limit only for one that is there.
  'reading and writing': { disk: { device: firstDisk(), read: 1_000_000, write: 0, readOps: 0, writeOps: 0 } },
};

/** The first block device of the machine as `MAJOR:MINOR`; see /proc/diskstats. */
function firstDisk(): string {
  const [line = ''] = readText('/proc/diskstats').split('\n');
  const [major = '0', minor = '0'] = line.trim().split(/\s+/);
  return `${major}:${minor}`;
}

function tried(name: string, act: () => string): Capability {
  if (process.platform !== 'linux') return { name, available: false, detail: 'only on Linux' };
  try {
    return { name, available: true, detail: act() };
  } catch (error) {
    const hint = error instanceof FirebreakError && error.hint !== '' ? `; ${error.hint}` : '';
    return { name, available: false, detail: `${messageOf(error)}${hint}` };
  }
}

function tryLimit(limits: Limits): string {
  const self = readProcess(process.pid);
  const [entry] = self === undefined ? [] : planLimits([self], limits, randomBytes(9).toString('hex'));
  if (entry === undefined) throw new Error('this process cannot be seen');
  if (entry.place !== 'itself') writeOnce(entry);
  return `by control groups, version ${entry.v2 ? 2 : 1}`;
}

/** Makes the group, writes the limit, and removes it again; no process is moved. */
function writeOnce({ group, writes }: LimitEntry): void {
  mkdirSync(group);
  try {
    for (const { file, value } of writes) writeFileSync(join(group, file), value);
  } catch (error) {
    throw new Error(`the kernel does not take a limit in ${dirname(group)}: ${messageOf(error)}`);
  } finally {
    rmdirSync(group);
  }
}

function tryFill(): string {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-room-'));
  try {
    capture('fallocate', ['-l', '4096', '--', join(folder, 'file')]);
    return `tried in ${tmpdir()}; where a file system cannot, it is written`;
  } catch (error) {
    return `by writing, for what is set aside at once cannot be had in ${tmpdir()} (${messageOf(error)})`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tryReadOnly(): string {
  if (process.geteuid?.() !== 0) throw new FirebreakError('not-root', 'only root may mount', { hint: 'sudo firebreak helper' });
  const refusal = noRemount();
  if (refusal !== '') throw new Error(refusal);
  return 'tried in a mount namespace of its own';
}

function tryCaches(): string {
  const refusal = noCacheDrop();
  if (refusal !== '') throw new Error(refusal);
  return 'it may be asked for; not tried, for everything would be slow afterwards';
}
