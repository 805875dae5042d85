import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../kernel/clock.ts';
import { temporary } from '../lifecycle/test-parts.ts';
import { type LimitEntry, liftLimit, limitCounts, limitEntry, limitHolds, limitLeft, planLimits, setLimit } from './control-limits.ts';
import { listProcesses, type ProcessInfo, readProcess } from './processes.ts';
import { startFleet } from '../faults/process/test-fleet.ts';

const self = readProcess(process.pid) as ProcessInfo;
const TOKEN = 'a1b2c3d4e5f60718';
const refused = (text: RegExp) => (error: unknown) => error instanceof Error && 'code' in error && error.code === 'limit-refused' && text.test(error.message);

/** The unified tree as cgroup-v2.rst describes its files, in an ordinary folder: this process alone is in shop.service. */
function fakeTree(root: string): { readonly proc: string; readonly group: string; read(file: string): string } {
  const [proc, mount] = [join(root, 'proc'), join(root, 'cgroup')];
  const group = join(mount, 'system.slice', 'shop.service');
  mkdirSync(group, { recursive: true });
  for (const pid of ['self', String(process.pid), '1']) mkdirSync(join(proc, pid), { recursive: true });
  writeFileSync(join(proc, 'self/mountinfo'), `26 20 0:24 / ${mount} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n`);
  writeFileSync(join(proc, String(process.pid), 'cgroup'), '0::/system.slice/shop.service\n');
  const files = {
    'cgroup.procs': `${process.pid}\n`, 'memory.max': 'max\n', 'memory.swap.max': 'max\n', 'cpu.max': 'max 100000\n', 'pids.max': '512\n',
    'io.max': '8:0 rbps=max wbps=5242880 riops=max wiops=max\n', 'memory.events': 'low 0\nhigh 0\nmax 4\noom 2\noom_kill 1\noom_group_kill 0\n',
    'memory.current': '52428800\n', 'cpu.stat': 'usage_usec 10\nnr_periods 9\nnr_throttled 3\nthrottled_usec 7\n', 'pids.current': '5\n',
    'io.stat': '8:0 rbytes=1024 wbytes=2048 rios=3 wios=4 dbytes=0 dios=0\n7:0 rbytes=9 wbytes=9 rios=9 wios=9 dbytes=0 dios=0\n',
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(group, file), text);
  return { proc, group, read: (file) => readFileSync(join(group, file), 'utf8').trim() };
}

const ALL = { memoryMB: 64, cores: 0.25, pids: 20, disk: { device: '7:0', read: 0, write: 1_000_000, readOps: 50, writeOps: 0 } };

test('unified tree: the values of the documentation, an empty mark of its own, and each file as it was', async () => {
  using dir = temporary();
  const { proc, group, read } = fakeTree(dir.path);
  const entries = planLimits([self], ALL, TOKEN, proc).map((entry) => limitEntry.parse(JSON.parse(JSON.stringify(entry))));
  const mark = join(group, `firebreak-${TOKEN}-${process.pid}`);
  assert.deepEqual(entries.map(({ kind, v2, group: at }) => [kind, v2, at]), ['memory', 'cpu', 'pids', 'disk'].map((kind) => [kind, true, mark]));
  assert.equal(existsSync(mark), false, 'planning changes nothing');
  const before = ['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'].map(read);
  for (const entry of entries) assert.equal(setLimit(entry), 'set');
  assert.deepEqual(['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max', 'io.max'].map(read), ['67108864', '0', '25000 100000', '20', '7:0 wbps=1000000 riops=50']);
  assert.ok(existsSync(mark));
  assert.ok(entries.every(limitHolds) && entries.every(limitLeft));
  assert.throws(() => planLimits([self], ALL, 'another-token-0', proc), refused(/held by another fault already/));
  for (const entry of entries) await liftLimit(entry, realClock);
  assert.deepEqual(['memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'].map(read), before);
  // The kernel takes such a line as "forget this device"; an ordinary file shows it.
  assert.equal(read('io.max'), '7:0 rbps=max wbps=max riops=max wiops=max');
  assert.equal(existsSync(mark), false);
  assert.ok(!entries.some(limitLeft));
  for (const entry of entries) await liftLimit(entry, realClock);
});

test('unified tree: what is counted, and what was set for the device before', () => {
  using dir = temporary();
  const { proc } = fakeTree(dir.path);
  const disk = { device: '8:0', read: 1_000, write: 0, readOps: 0, writeOps: 0 };
  const [memory, io] = planLimits([self], { memoryMB: 64, disk }, TOKEN, proc) as [LimitEntry, LimitEntry];
  assert.equal(io.writes[0]?.prior, '8:0 rbps=max wbps=5242880 riops=max wiops=max');
  const { oomKills, memoryMB, throttled, pids } = limitCounts(memory) ?? {};
  assert.deepEqual([oomKills, memoryMB, throttled, pids], [1, 50, 3, 5]);
  assert.deepEqual(limitCounts(io)?.disk, { read: 1024, write: 2048, readOps: 3, writeOps: 4 });
});

test('unified tree: what somebody else has set meanwhile stays, and a group that has gone is no residue', async () => {
  using dir = temporary();
  const { proc, group, read } = fakeTree(dir.path);
  const [entry] = planLimits([self], { memoryMB: 64 }, TOKEN, proc) as [LimitEntry];
  setLimit(entry);
  writeFileSync(join(group, 'memory.max'), '1000000000\n');
  assert.equal(limitHolds(entry), false);
  await liftLimit(entry, realClock);
  assert.deepEqual([read('memory.max'), read('memory.swap.max')], ['1000000000', 'max']);
  const lost = { ...entry, group: join(dirname(group), 'gone.service', `firebreak-${TOKEN}-1`) };
  await liftLimit(lost, realClock);
  assert.equal(limitLeft(lost), false);
});

test('unified tree: a process among others goes into a group beside its own, with the limits of that, and comes back', async () => {
  using dir = temporary();
  const { proc, group, read } = fakeTree(dir.path);
  writeFileSync(join(group, 'cgroup.procs'), `1\n${process.pid}\n`);
  const [entry] = planLimits([self], { memoryMB: 64 }, TOKEN, proc) as [LimitEntry];
  const own = join(dirname(group), `firebreak-${TOKEN}-${process.pid}`);
  assert.deepEqual([entry.place, entry.group, entry.home], ['beside', own, group]);
  assert.deepEqual(entry.writes.map(({ file, value }) => `${file} ${value}`), ['memory.max 67108864', 'memory.swap.max 0', 'pids.max 512']);
  const before = ['memory.max', 'pids.max', 'cgroup.procs'].map(read);
  assert.equal(setLimit(entry), 'set');
  assert.ok(limitHolds(entry) && limitLeft(entry));
  assert.equal(readFileSync(join(own, 'memory.max'), 'utf8'), '67108864');
  assert.deepEqual(['memory.max', 'pids.max', 'cgroup.procs'].map(read), before, 'nothing was written to the group of the others');
  // In an ordinary folder files lie in the way, which a control group does not have.
  for (const { file } of entry.writes) rmSync(join(own, file));
  const procs = join(own, 'cgroup.procs');
  const moved = readFileSync(procs, 'utf8');
  // Its second limit finds it there already; a process that somebody else has moved is left alone.
  writeFileSync(join(group, 'cgroup.procs'), '1\n');
  assert.equal(setLimit({ ...entry, kind: 'pids', writes: [{ file: 'pids.max', value: '20', prior: '' }] }), 'set');
  rmSync(join(own, 'pids.max'));
  rmSync(procs);
  assert.throws(() => setLimit(entry), refused(/is in another control group than planned/));
  await liftLimit(entry, realClock);
  assert.equal(moved, String(process.pid));
  assert.equal(limitLeft(entry), false);
  // Several limits share the group: none carries over what another sets.
  writeFileSync(join(group, 'memory.max'), '104857600');
  writeFileSync(join(group, 'cgroup.procs'), `1\n${process.pid}\n`);
  const several = planLimits([self], { memoryMB: 64, cores: 1, pids: 20 }, TOKEN, proc).flatMap(({ writes }) => writes.map(({ file, value }) => `${file} ${value}`));
  assert.deepEqual(several, ['memory.max 67108864', 'memory.swap.max 0', 'cpu.max 100000 100000', 'pids.max 20']);
  // In the root group a process may have a group below, where the root gives what is limited to its children.
  writeFileSync(join(dir.path, 'cgroup', 'cgroup.subtree_control'), 'cpu memory pids');
  writeFileSync(join(proc, String(process.pid), 'cgroup'), '0::/\n');
  const [below] = planLimits([self], { cores: 1 }, TOKEN, proc) as [LimitEntry];
  assert.deepEqual([below.place, dirname(below.group)], ['below', join(dir.path, 'cgroup')]);
});

test('unified tree: what a group does not limit, or limits more, is refused', () => {
  using dir = temporary();
  const { proc, group } = fakeTree(dir.path);
  const at = (path: string): void => writeFileSync(join(proc, String(process.pid), 'cgroup'), `0::${path}\n`);
  at('/');
  assert.throws(() => planLimits([self], { cores: 1 }, TOKEN, proc), refused(/does not limit cpu \(cpu\)$/));
  at('/system.slice');
  assert.throws(() => planLimits([self], { disk: ALL.disk }, TOKEN, proc), refused(/does not limit disk \(io\)$/));
  at('/system.slice/shop.service');
  writeFileSync(join(group, 'cgroup.procs'), `1\n${process.pid}\n`);
  writeFileSync(join(group, 'pids.max'), '10\n');
  assert.throws(() => planLimits([self], { pids: 20 }, TOKEN, proc), refused(/allows less already: pids\.max is 10$/));
  writeFileSync(join(proc, 'self/mountinfo'), '');
  assert.throws(() => planLimits([self], { cores: 1 }, TOKEN, proc), refused(/no control groups are mounted/));
});

const usable = ((): string | false => {
  try {
    planLimits([self], { memoryMB: 1, cores: 1, pids: 1 }, TOKEN);
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : 'no control groups';
  }
})();

test('the real tree: limits are read back, hold for what the process starts, and leave nothing', { skip: usable }, async () => {
  await using fleet = await startFleet(2);
  const [info, other] = fleet.pids.map((pid) => readProcess(pid) as ProcessInfo);
  assert.ok(info && other);
  const before = readProcess(info.pid)?.groups;
  const entries = planLimits([info], { memoryMB: 64, cores: 0.25, pids: 20 }, TOKEN);
  for (const entry of entries) assert.equal(setLimit(entry), 'set');
  assert.ok(entries.every(limitHolds));
  assert.deepEqual(readProcess(other.pid)?.groups, before, 'the other is where it was');
  assert.throws(() => planLimits([info], { cores: 1 }, 'another-token-0'), refused(/held by another fault already/));
  for (const entry of entries) await liftLimit(entry, realClock);
  assert.ok(!entries.some(limitLeft));
  assert.deepEqual(readProcess(info.pid)?.groups, before);
  assert.equal(setLimit({ ...entries[0] as LimitEntry, started: 'of another boot' }), 'gone');
  assert.ok(listProcesses().every(({ groups }) => !groups.some((path) => path.includes(TOKEN))));
});
