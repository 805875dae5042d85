import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { realClock, VirtualClock } from '../kernel/clock.ts';
import { CPU_ROLE, cpuSeconds, parseCpuTime, startCpuLoad } from './cpu.ts';
import { capabilities, environmentFacts } from './facts.ts';
import { endHeld, findHeld, type Held, startHeld } from './held.ts';
import { othersRamMB, RAM_ROLE, startRamHold } from './memory.ts';

const posix = { skip: process.platform === 'win32' ? 'not on Windows yet' : false };
const newToken = (): string => randomBytes(9).toString('hex');
const soon = (): AbortSignal => AbortSignal.timeout(60_000);

async function until(what: string, condition: () => boolean): Promise<void> {
  for (const end = realClock.now() + 60_000; !condition(); await realClock.sleep(5)) {
    if (realClock.now() > end) assert.fail(`not within 5 s: ${what}`);
  }
}

test('a child whose lease nobody renews ends itself', posix, async () => {
  const token = newToken();
  // In this clock no time passes, so nothing is ever renewed.
  const args = ['--cores=1', '--load=0.1', '--nice=0', '--hold=60000'];
  const held = startHeld({ script: 'cpu-burner', role: CPU_ROLE, token, args, lease: 3_000 }, new VirtualClock());
  await held.ready(soon());
  assert.equal(findHeld(CPU_ROLE, token).length, 1);
  await until('it has ended', () => !held.alive);
  assert.deepEqual(findHeld(CPU_ROLE, token), []);
});

test('a child whose hold is over ends itself', posix, async () => {
  const token = newToken();
  using held = startCpuLoad({ token, cores: 1, load: 0.1, hold: 100 }, realClock);
  await held.ready(soon());
  await until('it has ended', () => !held.alive);
});

test('letting go of a child ends it', posix, async () => {
  const token = newToken();
  const held = startCpuLoad({ token, cores: 1, load: 0.1, hold: 60_000 }, realClock);
  await held.ready(soon());
  held[Symbol.dispose]();
  await until('it has ended', () => findHeld(CPU_ROLE, token).length === 0);
});

test('when the starter is killed, its children end', posix, async () => {
  const [cpu, ram] = [newToken(), newToken()];
  const script = `
    import { startCpuLoad } from ${JSON.stringify(new URL('./cpu.ts', import.meta.url).href)};
    import { startRamHold } from ${JSON.stringify(new URL('./memory.ts', import.meta.url).href)};
    import { realClock } from ${JSON.stringify(new URL('../kernel/clock.ts', import.meta.url).href)};
    const cpu = startCpuLoad({ token: '${cpu}', cores: 1, load: 0.2, hold: 60000 }, realClock);
    const ram = startRamHold({ token: '${ram}', cap: 8, ceiling: 64, chunk: 8, interval: 0, hold: 60000 }, realClock);
    await Promise.all([cpu.ready(AbortSignal.timeout(5000)), ram.ready(AbortSignal.timeout(5000))]);
    process.stdout.write('up');
    setInterval(() => {}, 1e6);`;
  const starter = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(starter, 'exit');
  try {
    await Promise.race([once(starter.stdout, 'data'), ended.then(() => assert.fail('the starter ended'))]);
    assert.equal(findHeld(CPU_ROLE, cpu).length + findHeld(RAM_ROLE, ram).length, 2);
  } finally {
    starter.kill('SIGKILL');
    await ended;
  }
  await until('both have ended', () => findHeld(CPU_ROLE, cpu).length + findHeld(RAM_ROLE, ram).length === 0);
});

test('one that is stopped is ended all the same, and ending twice is fine', posix, async () => {
  const token = newToken();
  using held = startCpuLoad({ token, cores: 1, load: 0.1, hold: 60_000 }, realClock);
  await held.ready(soon());
  process.kill(held.pid, 'SIGSTOP');
  await endHeld(CPU_ROLE, token, realClock);
  assert.deepEqual(findHeld(CPU_ROLE, token), []);
  await endHeld(CPU_ROLE, token, realClock);
  assert.equal(cpuSeconds(held.pid), undefined);
});

test('a child that ends before it is ready is an error, and so is an abort', posix, async () => {
  using failing = startHeld({ script: 'no-such-script', role: CPU_ROLE, token: newToken(), args: [] }, realClock);
  await assert.rejects(failing.ready(soon()), /ended before it was ready/);
  const token = newToken();
  using held = startCpuLoad({ token, cores: 1, load: 0.1, hold: 60_000 }, realClock);
  await assert.rejects(held.ready(AbortSignal.abort(new Error('halted'))), /halted/);
  await endHeld(CPU_ROLE, token, realClock);
});

test('half a line of a child that was killed while it spoke harms nobody', posix, async () => {
  using held = startHeld({ script: 'no-such-script', role: CPU_ROLE, token: newToken(), args: [], through: ['sh', '-c', 'echo "{\\"a\\":1}"; printf "{\\"b"'] }, realClock);
  await assert.rejects(held.ready(soon()), /ended before it was ready/);
  await until('all it said was heard', () => held.news.get('a') === 1);
});

test('all memory holders of the machine share one ceiling', posix, async () => {
  const tokens = [newToken(), newToken()];
  const before = othersRamMB();
  const ceiling = before + 24;
  const start = (token: string): Held => startRamHold({ token, cap: 16, ceiling, chunk: 16, interval: 0, hold: 60_000 }, realClock);
  const held: Held[] = [];
  try {
    for (const token of tokens) {
      const child = start(token);
      held.push(child);
      await child.ready(soon());
      child.tell('go');
      await until('it has what it may', () => child.news.get('done') === 1);
    }
    assert.deepEqual(held.map((child) => child.news.get('held')), [16, 8]);
    assert.deepEqual(held.map((child) => child.news.get('limit')), ['', 'ceiling']);
    assert.equal(othersRamMB(), before + 32);
  } finally {
    for (const child of held) child[Symbol.dispose]();
    for (const token of tokens) await endHeld(RAM_ROLE, token, realClock);
  }
  assert.equal(othersRamMB(), before);
});

test('CPU time of ps', () => {
  assert.equal(parseCpuTime('0:01.50'), 1.5);
  assert.equal(parseCpuTime(' 1:02:03'), 3_723);
  assert.equal(parseCpuTime('2-00:00:01'), 172_801);
});

test('the machine is described, and each capability that is missing says why', async () => {
  const list = await capabilities();
  assert.equal(new Set(list.map(({ name }) => name)).size, list.length);
  for (const { name, available, detail } of list) assert.ok(available || detail.length > 10, name);
  for (const [label, value] of Object.entries(environmentFacts())) assert.notEqual(value, '', label);
});
