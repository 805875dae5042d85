import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noDisk, testDisk } from '../engine/faults/disk/test-disk.ts';
import { noFaketime } from '../engine/faults/time/test-clocked.ts';
import { faketimeLibrary } from '../engine/host/clock-facts.ts';
import { controlTrees, groupFolder } from '../engine/host/control-groups.ts';
import { dnsCapabilities } from '../engine/host/dns-capabilities.ts';
import { isEnded, listProcesses, readProcess } from '../engine/host/processes.ts';
import { missingPrograms } from '../engine/host/server-process.ts';
import { isFirebreak } from '../engine/host/process-targets.ts';
import { markOf } from '../engine/host/spawn.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { noShortWrites } from './crash/file-scenes.ts';
import { noLimits } from './crash/machine-scenes.ts';
import { noKernel } from './crash/kernel-scenes.ts';
import { noLateLink } from './crash/network-scenes.ts';
import { noFreezer } from './crash/scenes.ts';
import { type Wanted } from './bad-targets-life.ts';

/** A process that a fault is meant for, and the processes that come after it. */

/** What may become of it. */
export const FATES = [
  'gone before', 'its pid used again before', 'gone while held', 'its pid used again while held', 'its pid used again while held, reverted by another process',
] as const;
export type Fate = (typeof FATES)[number];
/** What came of it: `problem` is '' where all is well. */
export interface Result {
  readonly fault: string;
  readonly fate: Fate;
  readonly problem: string;
}

export interface Grounds {
  /** In the command line of the target, and in that of whoever gets its pid. */
  readonly word: string;
  readonly folder: string;
}
export interface ProcessFault {
  readonly name: string;
  readonly skip?: string | false;
  /** @returns the policy, for a target of this pid. */
  readonly policy: (pid: number, grounds: Grounds) => Wanted;
  /** What the target is started by, where it must be a special one. */
  readonly through?: readonly string[];
  readonly env?: (grounds: Grounds) => Readonly<Record<string, string>>;
  /** How long whoever got the pid stays in danger, in milliseconds: rounds choose again. */
  readonly rounds?: number;
  /** What it has done to its target cannot be undone by Firebreak. */
  readonly forGood?: true;
}

const byWord = ({ word }: Grounds): string => `cmd:${word}`;
/** The last process may be taken, and again and again. */
const taken = (action: string): ProcessFault['policy'] => (_pid, grounds) => ({ type: 'process', target: byWord(grounds), fields: { action, allowLast: true } });
/** By its pid: whoever has the same command line may be the one that a supervisor has started in its place. */
const byPid = (action: string, more: object = {}): ProcessFault['policy'] => (pid) => ({ type: 'process', target: `pid:${pid}`, fields: { action, allowLast: true, ...more } });
const again = (action: string): ProcessFault['policy'] => byPid(action, { interval: '100ms' });
const struck = (fields: object): ProcessFault['policy'] => (_pid, grounds) => ({ type: 'kernel', target: byWord(grounds), fields: { ...fields } });
const APART = ['unshare', '--net', 'sh', '-c', 'ip link add va type veth peer name vb && ip link set va up && ip link set vb up && exec "$@"', 'sh'];
const inNetworkOf = (fields: object): ProcessFault['policy'] => (pid) => ({ type: 'network', target: `pid:${pid}/va`, fields: { ...fields } });
const DISK = testDiskOnce();
/** Asked for once: it is found by starting a program, whose pid may be one that was in use before. */
const LIBRARY = faketimeLibrary() ?? '';

export const FAULTS: readonly ProcessFault[] = [
  { name: 'process, stopped', policy: taken('stop') },
  { name: 'process, stopped in rounds', policy: again('stop'), rounds: 350 },
  { name: 'process, frozen', skip: noFreezer(), policy: taken('freeze') },
  { name: 'process, killed', policy: byPid('kill'), forGood: true },
  { name: 'process, killed in rounds', policy: again('kill'), rounds: 350, forGood: true },
  { name: 'resource, limited', skip: noLimits(), policy: (_pid, grounds) => ({ type: 'resource', target: byWord(grounds), fields: { memoryLimitMB: 256, cpuLimit: 0.5, pidsLimit: 100 } }) },
  { name: 'kernel, connections refused', skip: noKernel('connect'), policy: struck({ action: 'connect' }) },
  { name: 'kernel, listening refused', skip: noKernel('bind'), policy: struck({ action: 'bind' }) },
  { name: 'kernel, no sockets', skip: noKernel('socket'), policy: struck({ action: 'socket' }) },
  { name: 'kernel, packets dropped', skip: noKernel('packet'), policy: struck({ action: 'packet' }) },
  { name: 'kernel, calls struck', skip: noKernel('call'), policy: struck({ action: 'call', calls: 'read' }) },
  {
    name: 'time, set off', skip: noFaketime, policy: (_pid, grounds) => ({ type: 'time', target: byWord(grounds), fields: { offset: '1h' } }),
    env: ({ folder }) => ({ LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: join(folder, 'clock'), FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' }),
  },
  { name: 'dns of a process', skip: missingPrograms('nft') || dnsCapabilities()?.groups || false, policy: (_pid, grounds) => ({ type: 'dns', target: byWord(grounds), fields: { names: '*.test' } }) },
  { name: 'disk, limited', skip: noDisk() || noLimits(), policy: (_pid, grounds) => ({ type: 'disk', target: DISK(), fields: { action: 'limit', processes: byWord(grounds), writeRate: 1_000 } }) },
  { name: 'disk, writes cut short', skip: noShortWrites(), policy: (_pid, grounds) => ({ type: 'disk', target: DISK(), fields: { action: 'short-writes', processes: byWord(grounds) } }) },
  { name: 'network of a process', policy: inNetworkOf({ loss: 0.5 }), through: APART },
  { name: 'network of a process, its packets held', skip: noLateLink(), policy: inNetworkOf({ latency: '100ms' }), through: APART },
];

/** One small disk for all, made when it is first needed. */
function testDiskOnce(): () => string {
  let path = '';
  return () => {
    if (path !== '') return path;
    const disk = testDisk();
    process.once('exit', () => disk[Symbol.dispose]());
    return (path = disk.path);
  };
}

/** A process that waits for its end. */
export interface Idler extends AsyncDisposable {
  readonly pid: number;
  /** Settles when it has ended, by whomever. */
  readonly gone: Promise<unknown>;
  kill(): Promise<void>;
}

/** @param pid that it is to get; any when left out. It may take some attempts: others start processes as well. */
export async function startIdler({ word }: Grounds, options: Pick<ProcessFault, 'through'> & { readonly env?: Readonly<Record<string, string>>; readonly pid?: number } = {}): Promise<Idler> {
  const { through = [], env = {}, pid } = options;
  const [program = '', ...args] = [...through, 'sh', '-c', 'echo up; read end', word, markOf('idler', '', true)];
  for (let attempts = 0; attempts < 50; attempts++) {
    if (pid !== undefined) writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    const gone = once(child, 'exit');
    if (pid === undefined || child.pid === pid) {
      await Promise.race([once(child.stdout, 'data'), gone.then(() => Promise.reject(new Error(`${program} ended before it was up`)))]);
      return idlerOf(child, gone);
    }
    child.kill('SIGKILL');
    await gone;
  }
  throw new Error(`the pid ${pid} could not be had again`);
}

function idlerOf(child: ChildProcess, gone: Promise<unknown>): Idler {
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  return { pid: child.pid ?? 0, gone, kill, [Symbol.asyncDispose]: kill };
}

/** Everything about a process that a fault might change. */
export function pictureOf(pid: number): unknown {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const { state, started } = readProcess(pid) ?? {};
  return { started, state, groups: readFileSync(`/proc/${pid}/cgroup`, 'utf8'), tracer: /^TracerPid:\s*(\d+)/m.exec(status)?.[1] };
}

/** What is left of a fault: processes that carry its token, and control groups beside this process's. */
function residueOf(token: string): readonly string[] {
  const groups = controlTrees().flatMap((tree) => ['', ...tree.controllers].flatMap((controller) => groupFolder(tree, process.pid, controller) ?? []));
  const left = [...new Set(groups)].flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name.includes(token)).map((name) => join(folder, name)));
  return [...left, ...listProcesses().filter((info) => !isEnded(info) && isFirebreak(info) && info.command.includes(token)).map(({ command }) => command)];
}

/** The same, once whoever was told to end has had its moment. */
export async function leftOf(token: string): Promise<readonly string[]> {
  for (let looks = 0; looks < 100 && residueOf(token).length > 0; looks++) await realClock.sleep(20);
  return residueOf(token);
}
