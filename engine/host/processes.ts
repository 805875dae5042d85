import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { capture } from './spawn.ts';

/** One process of this machine, as it was when it was read. */
export interface ProcessInfo {
  readonly pid: number;
  readonly ppid: number;
  /** When it started, in a form that only compares: the same pid with another value is another process. */
  readonly started: string;
  /** The kernel's name for it (at most 15 characters on Linux). */
  readonly name: string;
  /** The program of its command line, without the folder; '' when it has no command line. */
  readonly program: string;
  readonly argv: readonly string[];
  /** `argv` joined by spaces; `[name]` for a kernel thread. */
  readonly command: string;
  readonly uid: number;
  /** Session id on Linux; the process group on macOS, where `ps` shows no session. */
  readonly session: number;
  /** The kernel's letter: R running, S sleeping, D waiting, T stopped, Z ended but not collected, I idle. */
  readonly state: string;
  readonly threads: number;
  /** Control groups of every hierarchy, without duplicates and without `/`. */
  readonly groups: readonly string[];
  readonly kernelThread: boolean;
}

/** Task flag of kernel threads, PF_KTHREAD in include/linux/sched.h. */
const PF_KTHREAD = 0x0020_0000;

/** Every process that can be seen, by pid. Ended processes that nobody has collected yet are included (state Z). */
export function listProcesses(): readonly ProcessInfo[] {
  return process.platform === 'linux' ? linuxPids().flatMap((pid) => readLinux(pid) ?? []) : listWithPs([]);
}

function linuxPids(): readonly number[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number).sort((a, b) => a - b);
}

/** One process, or undefined when there is none with this pid. */
export function readProcess(pid: number): ProcessInfo | undefined {
  return process.platform === 'linux' ? readLinux(pid) : listWithPs(['-p', String(pid)])[0];
}

/** The processes that were started with exactly this argument. Reads no more of the others than their command lines. */
export function findByArgument(argument: string): readonly ProcessInfo[] {
  const likely = process.platform === 'linux'
    ? linuxPids().filter((pid) => readOr(`/proc/${pid}/cmdline`, '').includes(argument)).flatMap((pid) => readLinux(pid) ?? [])
    : listWithPs([]);
  return likely.filter((info) => info.argv.includes(argument) && !isEnded(info));
}

/** Ended: gone but for its exit code. A leader whose other threads still run has not ended yet, nor freed its memory. */
export function isEnded(info: Pick<ProcessInfo, 'state' | 'threads'>): boolean {
  return (info.state === 'Z' || info.state === 'X') && info.threads <= 1;
}

/** The fields of /proc/PID/stat that matter here; see proc_pid_stat(5). */
export interface StatLine {
  readonly name: string;
  readonly state: string;
  readonly ppid: number;
  readonly session: number;
  readonly flags: number;
  /** Clock ticks in user and in system mode. */
  readonly ticks: number;
  readonly threads: number;
  readonly startTicks: string;
}

/** The name may hold spaces and brackets, so the fields are counted from the last `)`. */
export function parseStat(text: string): StatLine | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).trim().split(' ');
  if (open < 0 || close < open || fields.length < 20) return undefined;
  const number = (index: number): number => Number(fields[index]);
  return {
    name: text.slice(open + 1, close),
    state: fields[0] ?? '',
    ppid: number(1),
    session: number(3),
    flags: number(6),
    ticks: number(11) + number(12),
    threads: number(17),
    startTicks: fields[19] ?? '',
  };
}

/** The stat line of a process, or undefined when it is gone. Linux only. */
export function readStat(pid: number): StatLine | undefined {
  const text = readOr(`/proc/${pid}/stat`, '');
  return text === '' ? undefined : parseStat(text);
}

let boot = '';
/** Tells one boot from another, so that a start time never matches a process of an earlier boot. */
export function bootId(): string {
  if (boot === '') boot = readOr('/proc/sys/kernel/random/boot_id', 'unknown').trim();
  return boot;
}

function readLinux(pid: number): ProcessInfo | undefined {
  const stat = readStat(pid);
  if (stat === undefined) return undefined;
  const argv = readOr(`/proc/${pid}/cmdline`, '').replace(/\0+$/, '').split('\0');
  const kernelThread = (stat.flags & PF_KTHREAD) !== 0;
  return {
    pid,
    ppid: stat.ppid,
    started: `${bootId()}:${stat.startTicks}`,
    name: stat.name,
    program: basename(argv[0] ?? ''),
    argv,
    command: kernelThread ? `[${stat.name}]` : argv.join(' '),
    uid: owner(pid),
    session: stat.session,
    state: stat.state,
    threads: stat.threads,
    groups: kernelThread ? [] : groupsOf(readOr(`/proc/${pid}/cgroup`, '')),
    kernelThread,
  };
}

/** The paths of /proc/PID/cgroup, whose lines are `hierarchy:controllers:path`. */
export function groupsOf(text: string): readonly string[] {
  const paths = text.split('\n').map((line) => line.split(':').slice(2).join(':'));
  return [...new Set(paths.filter((path) => path !== '' && path !== '/'))];
}

function owner(pid: number): number {
  try {
    return statSync(`/proc/${pid}`).uid;
  } catch {
    return -1;
  }
}

/** A process may end between any two reads: what is gone reads as the fallback. */
function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return fallback;
  }
}

/** `lstart` is five words, such as `Fri Nov 21 03:22:03 2025`. */
const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/;

function listWithPs(filter: readonly string[]): readonly ProcessInfo[] {
  let output: string;
  try {
    output = capture('ps', [...(filter.length > 0 ? filter : ['-ax']), '-ww', '-o', 'pid=,ppid=,uid=,pgid=,stat=,lstart=,args=']);
  } catch {
    return []; // `ps -p` of a pid that is gone ends with 1
  }
  return output.split('\n').flatMap((line) => parsePsLine(line) ?? []);
}

/** One line of `ps -o pid=,ppid=,uid=,pgid=,stat=,lstart=,args=`. Arguments that hold spaces cannot be told apart. */
export function parsePsLine(line: string): ProcessInfo | undefined {
  const match = PS_LINE.exec(line);
  if (match === null) return undefined;
  const [, pid, ppid, uid, pgid, stat, lstart, args] = match;
  const command = args ?? '';
  const argv = command.split(' ');
  const program = basename(argv[0] ?? '');
  return {
    pid: Number(pid),
    ppid: Number(ppid),
    started: (lstart ?? '').replace(/\s+/g, ' '),
    name: program,
    program,
    argv,
    command,
    uid: Number(uid),
    session: Number(pgid),
    state: (stat ?? '').charAt(0),
    threads: 1,
    groups: [],
    kernelThread: false,
  };
}
