import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, getPriority, hostname, platform, release, setPriority, userInfo, version } from 'node:os';
import { type Capability } from '../contract/models.ts';
import { messageOf } from '../kernel/errors.ts';
import { clockFacts } from './clock-facts.ts';
import { containerFacts } from './container-facts.ts';
import { cpuQuota, cpuSeconds, usableCores } from './cpu.ts';
import { dnsFacts } from './dns-capabilities.ts';
import { kernelFacts } from './kernel-facts.ts';
import { availableMB, groupMemory, othersRamMB, reserveMB, residentMB, totalMB } from './memory-facts.ts';
import { netFacts } from './net-capabilities.ts';
import { bootId, listProcesses, readProcess } from './processes.ts';
import { roomFacts } from './room-facts.ts';
import { maySignal } from './signals.ts';

/** What a report says of the machine that a run was made on: label -> value. */
export function environmentFacts(): Readonly<Record<string, string>> {
  const [cpu] = cpus();
  return {
    Host: hostname(),
    Platform: `${platform()} ${arch()}`,
    Kernel: `${release()} ${version()}`,
    CPU: `${usableCores()} cores${cpu === undefined ? '' : `, ${cpu.model.trim()}`}`,
    Memory: `${Math.round(totalMB())} MB`,
    Node: process.version,
    User: userName(),
  };
}

/** A user id without an entry in the user database, as in many containers, has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Who does what needs root for this user. */
export interface RootHere {
  /** Why nobody does, or ''. */
  readonly none: string;
  /** What the helper can do, as it has tried itself; null when this process does it all. */
  readonly helper: readonly Capability[] | null;
}

/** What can and cannot be done on this machine, each tried here and now, and put back; nothing is assumed from its name. */
export async function capabilities(root: RootHere = { none: '', helper: null }): Promise<readonly Capability[]> {
  return [
    processList(), ownSignals(), foreignSignals(), unitsAndGroups(), cores(), cpuAhead(), cpuClosedLoop(), memory(),
    memoryMeasure(), memoryFirst(), clockFacts(), ...(await forUser(root)), await sqlite(),
  ];
}

/** What is done by root as a rule, tried by this process. */
export async function rootCapabilities(): Promise<readonly Capability[]> {
  return [...machineFacts(), ...(await containerFacts())];
}

const machineFacts = (): readonly Capability[] => [...kernelFacts(), ...dnsFacts(), ...netFacts(), ...roomFacts()];

async function forUser({ none, helper }: RootHere): Promise<readonly Capability[]> {
  const whole = (fact: Capability): boolean => ANYBODY.has(fact.name);
  if (helper === null) {
    const own = machineFacts().map((fact) => (fact.available && none !== '' && !whole(fact) ? { ...fact, available: false, detail: `${none}; the machine has what it takes` } : fact));
    // Who may speak to the engine of the containers needs nobody for that.
    return [...own, ...(await containerFacts())];
  }
  const helped = helper.filter((fact) => !whole(fact)).map((fact) => (fact.available ? { ...fact, detail: `by the helper${fact.detail && `: ${fact.detail}`}` } : fact));
  return [...machineFacts().filter(whole), ...helped];
}

/** Among what is done by root, that which any user can do. */
const ANYBODY: ReadonlySet<string> = new Set(['control groups', 'fill a disk']);

const can = (name: string, detail: string): Capability => ({ name, available: true, detail });
const cannot = (name: string, detail: string): Capability => ({ name, available: false, detail });

function processList(): Capability {
  const name = 'find processes';
  const self = readProcess(process.pid);
  if (self === undefined) {
    return cannot(name, process.platform === 'linux' ? '/proc does not show this process: is it mounted?' : 'ps does not show this process');
  }
  const boot = process.platform === 'linux' && bootId() === 'unknown'
    ? '; no boot id, so a reboot cannot be told from a reused pid'
    : '';
  return can(name, `${listProcesses().length} can be seen${boot}`);
}

function ownSignals(): Capability {
  const name = 'stop and continue processes';
  if (process.platform === 'win32') return cannot(name, 'Windows has no stop and continue signals');
  return maySignal(process.pid)
    ? can(name, 'those of this user')
    : cannot(name, 'the system refuses a signal even to this process');
}

function foreignSignals(): Capability {
  const name = "signal other users' processes";
  if (process.getuid === undefined) return cannot(name, 'this system has no signals');
  const uid = process.getuid();
  const foreign = listProcesses().find((info) => info.uid >= 0 && info.uid !== uid && !info.kernelThread);
  if (foreign === undefined) {
    return uid === 0
      ? can(name, 'this is root; there is no process of another user to try it on')
      : cannot(name, 'run as root for that; there is none to try it on');
  }
  if (maySignal(foreign.pid)) return can(name, `tried on process ${foreign.pid} without sending one`);
  return cannot(name, `refused for process ${foreign.pid} of user ${foreign.uid}; run as root, or as that user`);
}

function unitsAndGroups(): Capability {
  const name = 'find processes by group';
  const grouped = listProcesses().filter((info) => info.groups.length > 0).length;
  return grouped > 0
    ? can(name, `${grouped} processes are in a control group of their own`)
    : cannot(name, 'no process here is in a control group; use name: or cmd:');
}

function cores(): Capability {
  const quota = cpuQuota();
  const limit = quota !== undefined && quota < usableCores()
    ? `; a control group limits this process to ${quota} of them, and no load will pass that`
    : '';
  return can('load CPU cores', `${usableCores()} of ${cpus().length} cores${limit}`);
}

function cpuAhead(): Capability {
  const name = 'keep a CPU load on a busy machine';
  const before = getPriority();
  try {
    setPriority(before - 1);
    setPriority(before);
    return can(name, 'the load may run ahead of other programs');
  } catch (error) {
    return cannot(name, `priority may not be raised (${messageOf(error)}): other programs may take part of the load; run as root`);
  }
}

function cpuClosedLoop(): Capability {
  const name = 'hold a CPU load exactly';
  if (typeof process.threadCpuUsage !== 'function') {
    return cannot(name, `${process.version} does not tell a thread its CPU time; Node 24 does`);
  }
  return cpuSeconds(process.pid) === undefined
    ? cannot(name, 'the system does not tell the CPU time of a process')
    : can(name, 'measured inside by thread CPU time, outside by the system');
}

function memory(): Capability {
  const free = Math.max(0, Math.floor(availableMB() - reserveMB()));
  const group = groupMemory();
  const where = group === undefined ? '' : `; a control group limits this process to ${Math.round(group.limit)} MB`;
  const others = othersRamMB();
  const taken = others > 0 ? `; other memory faults may hold ${others} MB already` : '';
  const detail = `${free} MB can be taken now, ${Math.round(reserveMB())} MB stay free${where}${taken}`;
  return free > 0 ? can('take memory', detail) : cannot('take memory', detail);
}

function memoryMeasure(): Capability {
  const name = 'measure memory from outside';
  return (residentMB(process.pid) ?? 0) > 0
    ? can(name, '')
    : cannot(name, 'the system does not tell the resident memory of a process');
}

function memoryFirst(): Capability {
  const name = 'go first when memory runs out';
  try {
    const own = readFileSync('/proc/self/oom_score_adj', 'utf8');
    writeFileSync('/proc/self/oom_score_adj', own.trim());
    return can(name, 'a memory fault is what the kernel ends first');
  } catch (error) {
    return cannot(name, `the kernel cannot be told which process to end first (${messageOf(error)})`);
  }
}

async function sqlite(): Promise<Capability> {
  const name = 'history and undo journal';
  try {
    const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(':memory:');
    const word = randomBytes(4).toString('hex');
    const row = db.prepare('SELECT ? AS word, sqlite_version() AS version').get(word);
    db.close();
    return row?.['word'] === word
      ? can(name, `SQLite ${String(row['version'])}`)
      : cannot(name, 'SQLite gave a wrong answer');
  } catch (error) {
    return cannot(name, `this runtime has no node:sqlite (${messageOf(error)}); Node 24 has`);
  }
}
