import {
  closeSync, constants, fchmodSync, fchownSync, fstatSync, fsyncSync, futimesSync, openSync, readSync, renameSync, rmSync, type Stats, writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { syncDirectory } from '../kernel/directory.ts';
import { errnoOf, FirebreakError } from '../kernel/errors.ts';
import { type ClockUser } from './clock-users.ts';
import { openFolder, statOf } from './path-inside.ts';
import { ask } from './spawn.ts';

/** A file that sets clocks, as it was: null when it was not there. */
export const clockFileState = z
  .object({ bytes: z.base64(), mode: z.int(), uid: z.int(), gid: z.int(), modified: z.number() })
  .nullable();
export type ClockFileState = z.infer<typeof clockFileState>;

/** No file of libfaketime is longer: its line is cut at 256 bytes. What is longer is something else. */
const LONGEST = 4_096;
/** What a line may be: blank, a remark, or a time as libfaketime's README describes it. */
const LINE = /^(|[#; ].*|[-+@%i\d][\w .:+@%-]*)$/;
const markOf = (token: string): string => `# firebreak-${token}`;

/**
 * What the file is now.
 * @throws FirebreakError `not-a-clock-file` when it is no plain file or says something else: it is then never touched.
 */
export function readClockFile(path: string): ClockFileState {
  return inFolder(path, (file) => {
    const fd = openPlain(path, file);
    if (fd === undefined) return null;
    const [stat, bytes] = contentOf(path, fd);
    if (!bytes.toString('latin1').split('\n').every((line) => LINE.test(line))) throw foreign(path, 'says something else than a time');
    return { bytes: bytes.toString('base64'), mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, modified: stat.mtimeMs };
  });
}

/** Never a link, and nothing that would keep whoever opens it waiting; undefined when there is none. */
function openPlain(path: string, file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw ['ELOOP', 'ENXIO'].includes(errnoOf(error)) ? foreign(path, 'is not a plain file') : error;
  }
}

function contentOf(path: string, fd: number): readonly [Stats, Buffer] {
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw foreign(path, 'is not a plain file');
    if (stat.size > LONGEST) throw foreign(path, 'is too long for one');
    const bytes = Buffer.alloc(LONGEST);
    return [stat, bytes.subarray(0, readSync(fd, bytes, 0, LONGEST, 0))];
  } finally {
    closeSync(fd);
  }
}

const foreign = (path: string, why: string): FirebreakError =>
  new FirebreakError('not-a-clock-file', `${path} ${why}; it is left alone`, { hint: 'point FAKETIME_TIMESTAMP_FILE at a file of its own' });

/**
 * Whether a file that is not there may be made for this process: where the process itself could make it, and nowhere
 * else, since the name comes from its environment.
 */
export function mayCreate(path: string, uid: number): boolean {
  return inFolder(path, (_file, folder) => folder.uid === uid || (folder.mode & 0o1002) === 0o1002);
}

/** Whether it holds what this fault wrote. */
export const isOurs = (state: ClockFileState, token: string): boolean =>
  state !== null && Buffer.from(state.bytes, 'base64').toString('latin1').startsWith(markOf(token));

/** Sets the clocks `offset` milliseconds off that of the machine; in one step, so that no reader sees half a file. */
export function writeOffset(path: string, token: string, offset: number, owner: Pick<NonNullable<ClockFileState>, 'uid' | 'gid' | 'mode'>): void {
  const seconds = offset / 1_000;
  const text = `${markOf(token)}\n${seconds < 0 ? '' : '+'}${seconds.toFixed(3)}\n`;
  replace(path, token, { ...owner, bytes: Buffer.from(text, 'latin1').toString('base64'), modified: null });
}

/**
 * Puts back what was there. Does nothing when that has been done, and leaves alone what somebody else has written since.
 * @throws FirebreakError `changed-meanwhile`
 */
export function restoreClockFile(path: string, token: string, prior: ClockFileState): void {
  const now = readClockFile(path);
  inFolder(path, (file) => rmSync(temporary(file, token), { force: true }));
  if (isOurs(now, token)) {
    if (prior === null) inFolder(path, (file) => rmSync(file));
    else replace(path, token, prior);
    // A power cut must not bring back what was taken back.
    return syncDirectory(dirname(path));
  }
  if (now?.bytes === prior?.bytes) return;
  throw new FirebreakError('changed-meanwhile', `${path} was ${now === null ? 'deleted' : 'written'} by something else during the fault, and is left as it is`, {
    hint: prior === null ? 'it was not there before' : `before, it said: ${Buffer.from(prior.bytes, 'base64').toString('latin1').trim()}`,
  });
}

/** The state of the file, and what a write of ours that was cut short has left beside it. */
export function describeClockFile(path: string, token: string, name: string): string {
  return describeClock(name, readClockFile(path), inFolder(path, (file) => statOf(temporary(file, token)) !== undefined));
}

/** The same of a state that is known. @param left whether something of ours is beside it. */
export function describeClock(name: string, state: ClockFileState, left = false): string {
  const text = state === null ? 'not there' : `${state.bytes} mode ${state.mode.toString(8)} of ${state.uid}:${state.gid}`;
  return `${name}: ${text}${left ? '; a file of Firebreak beside it' : ''}`;
}

/** What was seen of a clock, in milliseconds off that of the machine, and how exactly. */
export interface SeenClock {
  readonly offset: number;
  readonly within: number;
}

/** The user without rights, by its number everywhere (systemd's "Users, Groups, UIDs and GIDs"). */
const NOBODY = 65_534;

/**
 * The clock of a process that is started now as this one was: a `date` under its library and its file. The process itself
 * cannot be asked; it sees the same as soon as it reads the file again (`believes`).
 * @throws FirebreakError `command-failed`
 */
export async function clockSeen(user: Omit<ClockUser, 'key'>): Promise<SeenClock> {
  const { pid, uid, gid, apart, library, file } = user;
  const inside = apart ? file.slice(`/proc/${pid}/root`.length) : file;
  const command = [`LD_PRELOAD=${library}`, `FAKETIME_TIMESTAMP_FILE=${inside}`, 'FAKETIME_NO_CACHE=1', 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'date', '+%s.%N'];
  const before = Date.now();
  // The library is named by the process, so it runs with the rights of that process and no more. Root of a container is less
  // than root of this machine: nobody stands in for it, and no program there can give more rights than that.
  const there = ['-t', String(pid), '-m', '-p', '-n', '-i', '-u', '-S', String(uid === 0 ? NOBODY : uid), '-G', String(gid)];
  const said = apart
    ? await ask('setpriv', ['--no-new-privs', 'nsenter', ...there, '--', 'env', ...command])
    : await ask('env', command, process.geteuid?.() === 0 ? { user: { uid, gid } } : {});
  const after = Date.now();
  return { offset: Number(said) * 1_000 - (before + after) / 2, within: (after - before) / 2 + 1 };
}

/** What is to stand there; `modified` is null for what the fault writes, which need not outlive a power cut. */
type Contents = Omit<NonNullable<ClockFileState>, 'modified'> & { readonly modified: number | null };

function replace(path: string, token: string, { bytes, mode, uid, gid, modified }: Contents): void {
  inFolder(path, (file) => {
    const beside = temporary(file, token);
    rmSync(beside, { force: true });
    const made = openSync(beside, 'wx', 0o600);
    try {
      writeFileSync(made, Buffer.from(bytes, 'base64'));
      fchownSync(made, uid, gid);
      fchmodSync(made, mode);
      if (modified !== null) {
        futimesSync(made, modified / 1_000, modified / 1_000);
        fsyncSync(made);
      }
    } finally {
      closeSync(made);
    }
    renameSync(beside, file);
  });
}

const temporary = (file: string, token: string): string => `${dirname(file)}/.firebreak-${token}`;

/** Works in the folder that is there now: whoever owns it cannot put another in its place meanwhile. */
function inFolder<T>(path: string, act: (file: string, folder: { readonly uid: number; readonly mode: number }) => T): T {
  const folder = openFolder(dirname(path));
  try {
    return act(`/proc/self/fd/${folder}/${basename(path)}`, fstatSync(folder));
  } finally {
    closeSync(folder);
  }
}
