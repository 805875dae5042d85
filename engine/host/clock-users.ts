import { readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf } from '../kernel/errors.ts';
import { type ProcessIdentity } from './identity.ts';
import { withoutLinks } from './path-inside.ts';
import { isEnded, type ProcessInfo } from './processes.ts';

/** A process that reads its clock through libfaketime, from a file that can be changed while it runs. */
export interface ClockUser extends ProcessIdentity {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** The file, as this process reaches it. */
  readonly file: string;
  /** True when it lives in another mount namespace, as in a container; `file` then leads through the process. */
  readonly apart: boolean;
  /** The same for all who read the same file: in another mount namespace each reaches it by a path of its own. */
  readonly key: string;
  readonly library: string;
  /** How long it may believe what it has read, milliseconds; libfaketime's README, "Caching". */
  readonly believes: number;
}

/** libfaketime reads its file again after ten seconds, unless it is told otherwise. */
const CACHE_SECONDS = 10;
/** With any of these a process follows rules of its own, which the file does not change. */
const OWN_RULES = ['FAKETIME', 'FAKETIME_SKIP_CMDS', 'FAKETIME_ONLY_CMDS', 'FAKETIME_START_AFTER_SECONDS', 'FAKETIME_STOP_AFTER_SECONDS', 'FAKETIME_START_AFTER_NUMCALLS', 'FAKETIME_STOP_AFTER_NUMCALLS', 'FAKETIME_LOAD_FILE', 'FAKETIME_FOLLOW_FILE'];

/** How the clock of this process can be set, or why it cannot, in words that end "it ...". */
export function clockUser(info: ProcessInfo): ClockUser | { readonly refusal: string } {
  try {
    const environment = environmentOf(info.pid);
    const refusal = refusalOf(environment, libraryOf(environment) === undefined ? '' : readFileSync(`/proc/${info.pid}/maps`, 'utf8'));
    if (refusal !== '') return { refusal };
    const { gid, own } = rightsOf(info.pid);
    if (!own) return { refusal: 'runs with the rights of another user than the one who started it' };
    return {
      pid: info.pid,
      started: info.started,
      name: info.program || info.name,
      uid: info.uid,
      gid,
      ...placeOf(info.pid, environment),
      library: libraryOf(environment) ?? '',
      believes: environment.get('FAKETIME_NO_CACHE') === '1' ? 0 : Number(environment.get('FAKETIME_CACHE_DURATION') ?? CACHE_SECONDS) * 1_000,
    };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return { refusal: 'has ended' };
    if (errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM') return { refusal: 'belongs to another user, and its environment cannot be read (other_users: true)' };
    throw error;
  }
}

const environmentOf = (pid: number): ReadonlyMap<string, string> => parseEnvironment(readFileSync(`/proc/${pid}/environ`, 'utf8'));

/** The file that the environment names, as we reach it. */
function placeOf(pid: number, environment: ReadonlyMap<string, string>): Pick<ClockUser, 'file' | 'apart' | 'key'> {
  const named = resolve(readlinkSync(`/proc/${pid}/cwd`), environment.get('FAKETIME_TIMESTAMP_FILE') ?? '');
  const mounts = mountsOf(pid);
  if (mounts !== mountsOf('self') || rootOf(pid) !== rootOf('self')) {
    const root = `/proc/${pid}/root`;
    const file = real(join(root, named));
    return { apart: true, file, key: `${mounts} ${rootOf(pid)} ${file.slice(root.length)}` };
  }
  const file = real(named);
  return { apart: false, file, key: file };
}

/** What keeps a process with this environment and these mapped files from being set off; '' when nothing does. */
function refusalOf(environment: ReadonlyMap<string, string>, maps: string): string {
  if (libraryOf(environment) === undefined || !/\/libfaketime[^/\n]*$/m.test(maps)) return 'was not started under libfaketime';
  if ((environment.get('FAKETIME_TIMESTAMP_FILE') ?? '') === '') return 'names no FAKETIME_TIMESTAMP_FILE that could be changed while it runs';
  const rule = OWN_RULES.find((name) => environment.has(name));
  if (rule !== undefined) return `follows ${rule} instead of the file`;
  // Seen with Node: when the offset is taken back, timers set on the shifted monotonic clock are due that much later.
  const steady = ['FAKETIME_DONT_FAKE_MONOTONIC', 'DONT_FAKE_MONOTONIC'].some((name) => environment.get(name) === '1');
  return steady ? '' : 'would have its timers moved too, and they would hang when the clock goes back: start it with FAKETIME_DONT_FAKE_MONOTONIC=1';
}

/** Every process whose clock is set by this file, also one whose clock should not be: it would be set off with the others. */
export function usersOfClockFile(list: readonly ProcessInfo[], key: string): readonly ProcessInfo[] {
  return list.filter((info) => {
    if (info.kernelThread || isEnded(info)) return false;
    try {
      const environment = environmentOf(info.pid);
      return libraryOf(environment) !== undefined && environment.has('FAKETIME_TIMESTAMP_FILE') && placeOf(info.pid, environment).key === key;
    } catch {
      return false; // it has ended, or is another user's, who names a file of theirs
    }
  });
}

function parseEnvironment(text: string): Map<string, string> {
  const entries = text.split('\0').filter((entry) => entry.includes('='));
  return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));
}

/** LD_PRELOAD separates by spaces or colons; see ld.so(8). */
const libraryOf = (environment: ReadonlyMap<string, string>): string | undefined =>
  (environment.get('LD_PRELOAD') ?? '').split(/[ :]+/).find((path) => /(^|\/)libfaketime[^/]*$/.test(path));

const mountsOf = (pid: number | 'self'): string => link(`/proc/${pid}/ns/mnt`);
const rootOf = (pid: number | 'self'): string => link(`/proc/${pid}/root`);
function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** The file itself may not be there yet, and is never a link. */
const real = (path: string): string => join(withoutLinks(dirname(path)), basename(path));

/** Whose rights it has, and whether they are those of whoever started it: a program with the set-user-ID bit was named its files by another; see proc_pid_status(5). */
function rightsOf(pid: number): { readonly gid: number; readonly own: boolean } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const ids = (name: string): readonly string[] => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1]?.split(/\s+/) ?? [];
  return { gid: Number(ids('Gid')[0]), own: new Set(ids('Uid')).size === 1 && new Set(ids('Gid')).size === 1 };
}
