import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlTrees, groupFolder } from '../../engine/host/control-groups.ts';
import { readProcess } from '../../engine/host/processes.ts';

/** What other people have on the same machine, and must find again byte for byte. */
export interface Planted {
  /** What it is, for people. */
  readonly what: readonly string[];
  /** All that the system tells of it, but counters. */
  dump(): string;
}

/** Alike to a name of Firebreak's own, and not one of the fault's. */
export const lookalike = (): string => `firebreak-${randomBytes(9).toString('hex')}`;

/**
 * Rules of nft and of iptables, and queues on an interface of its own, in one network namespace. Those of a namespace that goes
 * need not be removed. @param through what enters it.
 */
export function plantIn(through: readonly string[]): Planted & Disposable {
  const id = randomBytes(3).toString('hex');
  const [dev, peer, table, chain] = [`fa${id}`, `fb${id}`, `foreign_${id}`, `FOREIGN-${id}`];
  const run = (...command: readonly string[]): string => {
    const [program = '', ...args] = [...through, ...command];
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  };
  run('ip', 'link', 'add', dev, 'type', 'veth', 'peer', 'name', peer);
  run('tc', 'qdisc', 'add', 'dev', dev, 'root', 'handle', '1:', 'tbf', 'rate', '10mbit', 'burst', '32k', 'latency', '50ms');
  run('tc', 'qdisc', 'add', 'dev', dev, 'ingress');
  run('nft', `add table inet ${table}; add chain inet ${table} c { type filter hook output priority 0 ; }; add rule inet ${table} c oifname "${dev}" tcp dport 1 counter drop`);
  const iptables = existsSync('/usr/sbin/iptables') || existsSync('/sbin/iptables');
  if (iptables) {
    run('iptables', '-w', '-N', chain);
    run('iptables', '-w', '-A', chain, '-p', 'tcp', '--dport', '1', '-j', 'DROP');
    run('iptables', '-w', '-A', 'OUTPUT', '-o', dev, '-j', chain);
  }
  const inIptables = (): string => run('iptables-save').split('\n').filter((line) => line.includes(chain)).map((line) => line.replace(/\[\d+:\d+\]/, '')).join('\n');
  return {
    what: ['a table of nft', ...(iptables ? ['a chain of iptables'] : []), 'queues (tbf and ingress) on another interface'],
    dump: () => [run('nft', '-s', 'list', 'table', 'inet', table), iptables ? inIptables() : '', run('tc', 'qdisc', 'show', 'dev', dev), run('ip', '-o', 'link', 'show', dev)].join('\n'),
    [Symbol.dispose]: () => {
      if (iptables) for (const args of [['-D', 'OUTPUT', '-o', dev, '-j', chain], ['-F', chain], ['-X', chain]]) run('iptables', '-w', ...args);
      run('nft', 'delete', 'table', 'inet', table);
      run('ip', 'link', 'del', dev);
    },
  };
}

/** A limit in each kind of control group that can have one; and what can be read of them. */
const LIMITS: Readonly<Record<string, string>> = { 'memory.limit_in_bytes': '100003840', 'cpu.cfs_quota_us': '50000', 'pids.max': '50', 'blkio.throttle.read_bps_device': '7:0 1000000', 'memory.max': '100003840', 'cpu.max': '50000 100000' };
const READ = [...Object.keys(LIMITS), 'cgroup.procs', 'freezer.state', 'cgroup.freeze'];
/** Those that a process may be put into without more ado. */
const KINDS = ['memory', 'cpu', 'pids', 'blkio', 'freezer'];

/** A process in groups of its own, of both kinds. */
function plantGroups(stack: DisposableStack): Planted {
  const name = lookalike();
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  const pid = child.pid ?? 0;
  const folders = controlTrees().flatMap((tree) => {
    const kind = tree.controllers.find((one) => KINDS.includes(one));
    const parent = tree.v2 || kind !== undefined ? groupFolder(tree, process.pid, kind) : undefined;
    return parent === undefined ? [] : [join(parent, name)];
  });
  for (const folder of folders) {
    mkdirSync(folder);
    stack.defer(() => removeGroup(folder));
    for (const [file, limit] of Object.entries(LIMITS)) if (existsSync(join(folder, file))) writeFileSync(join(folder, file), limit);
    writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  }
  stack.defer(() => void child.kill('SIGKILL'));
  const read = (path: string): string => (existsSync(path) ? `${path}: ${readFileSync(path, 'utf8')}` : '');
  return {
    what: [`a process in ${folders.length} control groups with limits, v1 and v2`],
    dump: () => [`${pid} ${readProcess(pid)?.state}`, read(`/proc/${pid}/cgroup`), ...folders.flatMap((folder) => [readdirSync(folder).sort().join(), ...READ.map((file) => read(join(folder, file)))])].join('\n'),
  };
}

/** A group is let go of when its last process has gone, which has been told to. */
function removeGroup(folder: string): void {
  for (const end = performance.now() + 5_000; ; ) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

/** A disk in memory, with a file in it. */
function plantMount(stack: DisposableStack): Planted {
  const folder = mkdtempSync(join(tmpdir(), 'foreign-'));
  stack.defer(() => rmSync(folder, { recursive: true }));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nosuid', 'foreign', folder]);
  stack.defer(() => void execFileSync('umount', [folder]));
  const file = join(folder, lookalike());
  writeFileSync(file, 'of somebody else');
  return {
    what: ['a mount with a file in it'],
    dump: () => {
      const { mtimeMs, mode, uid, ino } = statSync(file);
      const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(` ${folder} `));
      return [...lines, readFileSync(file, 'utf8'), JSON.stringify([mtimeMs, mode, uid, ino]), readdirSync(folder).join()].join('\n');
    },
  };
}

/** All of that on this machine itself, for as long as it is not disposed. Needs root; without it nothing is planted. @param through what enters the network of the rules. */
export function plantOnMachine(through: readonly string[] = []): Planted & Disposable {
  using stack = new DisposableStack();
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return { what: [], dump: () => '', [Symbol.dispose]: () => {} };
  const planted = [stack.use(plantIn(through)), plantGroups(stack), plantMount(stack)];
  const all = stack.move();
  return { what: planted.flatMap(({ what }) => what), dump: () => planted.map((one) => one.dump()).join('\n'), [Symbol.dispose]: () => all.dispose() };
}
