import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { FirebreakError } from '../../kernel/errors.ts';
import { millis } from '../../kernel/brands.ts';
import { matchesSelector, parseSelector } from '../../kernel/process-selector.ts';
import { newRunId } from '../../kernel/random.ts';
import { find, protectedProcesses } from '../../host/process-targets.ts';
import { listProcesses, type ProcessInfo } from '../../host/processes.ts';
import { choose, waitFor } from './choose.ts';
import { planOver } from './injector.ts';
import { processManifest, type ProcessParams } from './manifest.ts';

const params = (raw: Record<string, unknown> = {}): ProcessParams => processManifest.params.parse(raw);

function info(pid: number, ppid: number, command: string, more: Partial<ProcessInfo> = {}): ProcessInfo {
  const argv = command.split(' ');
  const program = (argv[0] ?? '').split('/').at(-1) ?? '';
  return {
    pid, ppid, started: `b:${pid}`, name: program.slice(0, 15), program, argv, command, uid: 1_000, session: pid, state: 'S', threads: 1,
    groups: [], kernelThread: false, ...more,
  };
}

/** A server that somebody has come to by SSH, with a room started there and its demo, next to other people's work. */
const machine: readonly ProcessInfo[] = [
  info(1, 0, '/sbin/init'),
  info(2, 0, '', { name: 'kthreadd', kernelThread: true }),
  info(50, 1, 'sshd: /usr/sbin/sshd -D', { name: 'sshd' }),
  info(60, 50, 'sshd: ann [priv]', { name: 'sshd' }),
  info(61, 60, 'sshd: ann@pts/0', { name: 'sshd', session: 60 }),
  info(70, 61, '-bash', { session: 70 }),
  info(71, 70, 'node /opt/firebreak/engine/cli/firebreak.mjs run x.yaml', { session: 70 }),
  info(72, 71, 'node burner.ts --firebreak-own=cpu:abc', { session: 70 }),
  info(73, 71, 'node payments.ts --firebreak-target=payments', { session: 70 }),
  info(74, 73, 'node helper-of-payments.ts', { session: 70 }),
  info(75, 71, 'sh -c something', { session: 70 }),
  info(76, 70, 'vim notes.txt', { session: 70 }),
  info(80, 1, 'node watchdog.ts --firebreak-own=watchdog', { session: 80 }),
  info(90, 1, 'nginx: master process'),
  info(91, 90, 'nginx: worker process', { groups: ['/system.slice/nginx.service'] }),
  info(92, 90, 'nginx: worker process', { groups: ['/system.slice/nginx.service'], state: 'Z', threads: 0 }),
  info(95, 1, 'node /opt/firebreak/engine/cli/firebreak.mjs serve'),
  info(97, 1, '/usr/bin/node --disable-warning=X engine/cli/main.ts serve'),
  info(98, 1, '/opt/Firebreak/Firebreak --no-sandbox'),
  info(96, 1, 'tmux: server'),
];
const ssh = { self: 71, own: [], ssh: false };

test('who is never touched, and why', () => {
  const reasons = protectedProcesses(machine, ssh);
  const expected: Record<number, RegExp> = {
    1: /first process/, 2: /kernel/, 50: /ancestor|SSH/, 60: /ancestor/, 61: /ancestor/, 70: /ancestor/, 71: /this Firebreak/,
    72: /own/, 75: /own/, 76: /SSH session/, 80: /own/, 95: /own/, 97: /own/, 98: /own/,
  };
  for (const [pid, reason] of Object.entries(expected)) assert.match(reasons.get(Number(pid)) ?? 'not protected', reason, `pid ${pid}`);
  assert.deepEqual([...reasons.keys()].sort((a, b) => a - b), Object.keys(expected).map(Number));
});

test("the demo's services may be hit, also from an SSH session; without SSH the terminal's other programs may, too", () => {
  const reasons = protectedProcesses(machine, ssh);
  assert.equal(reasons.has(73) || reasons.has(74), false);
  const local = machine.map((one) => (one.pid === 70 ? { ...one, ppid: 96 } : one));
  assert.equal(protectedProcesses(local, ssh).has(76), false);
  assert.equal(protectedProcesses(local, { ...ssh, ssh: true }).get(76), 'part of the SSH session that this room is controlled from');
  assert.equal(protectedProcesses(local, ssh).get(96), 'an ancestor of this Firebreak');
  assert.match(protectedProcesses(local, ssh).get(60) ?? '', /SSH server/);
  assert.match(protectedProcesses(machine, { ...ssh, own: [90] }).get(90) ?? '', /own/);
});

test('a circle of parents, as a list read while it changes may show, does not hang', () => {
  const circle = [info(5, 6, 'a'), info(6, 5, 'b'), info(7, 6, 'c')];
  assert.deepEqual([...protectedProcesses(circle, { self: 7, own: [], ssh: false }).keys()].sort(), [5, 6, 7]);
});

test('ended processes do not match', () => {
  const selector = parseSelector('group:nginx.service');
  assert.ok(!('error' in selector));
  assert.deepEqual(find(machine, selector, ssh).fleet.map(({ pid }) => pid), [91]);
});

const request = (target: string, raw: Record<string, unknown> = {}) => ({
  run: newRunId(), policy: 'p', type: 'process', target, route: '', routes: [], ignored: [], params: params(raw), seed: 1, hold: millis(1_000),
});
const refusal = (code: string, words: RegExp) => (error: unknown) => error instanceof FirebreakError && error.code === code && words.test(error.message);

test('plan names each refusal', () => {
  const plan = (target: string, raw: Record<string, unknown> = {}, may = true) => planOver(machine, request(target, raw), ssh, () => may);
  assert.throws(() => plan('pid:2'), refusal('protected-target', /kernel/));
  assert.throws(() => plan('name:sshd'), refusal('protected-target', /process 50 .* is an ancestor .*; process 60 /));
  assert.throws(() => plan('cmd:watchdog.ts'), refusal('protected-target', /own processes/));
  assert.throws(() => plan('pid:91'), refusal('last-process', /91/));
  assert.throws(() => plan('cmd:nginx', {}, false), refusal('signal-refused', /may not signal 9[01]/));
  const [both] = plan('name:node', { percentage: 99 });
  assert.equal(both?.undo.touched.length, 1);
  assert.match(both?.action ?? '', /1 of 2 that match; 5 more that match are protected/);
});

test('the share, the dice, the limit and the survivor', () => {
  const fleet = Array.from({ length: 10 }, (_, index) => info(100 + index, 1, 'worker'));
  const take = (raw: Record<string, unknown>, seed = 1, over = fleet, state = {}) =>
    choose(over, params(raw), { firstFleet: over.length, taken: 0, round: 0, seed, policy: 'p', ...state }).map(({ pid }) => pid);
  assert.equal(take({}).length, 1);
  assert.equal(take({ percentage: 35 }).length, 3);
  assert.equal(take({ percentage: 1 }).length, 1);
  assert.equal(take({ probability: 1 }).length, 9, 'never the whole fleet');
  assert.equal(take({ percentage: 99, probability: 1 }).length, 9);
  assert.equal(take({ probability: 1, max: 4 }).length, 4);
  assert.equal(take({ probability: 1, max: 4 }, 1, fleet, { taken: 3 }).length, 1);
  assert.equal(take({ probability: 1, max: 4 }, 1, fleet, { taken: 9 }).length, 0);
  assert.equal(take({ probability: 1, allowLast: true }).length, 9, 'allow_last is for fleets of one');
  assert.deepEqual(take({ allowLast: true }, 1, fleet.slice(0, 1)), [100]);
  assert.deepEqual(take({ allowLast: true }, 1, fleet.slice(0, 1), { firstFleet: 2 }), [], 'the last survivor of two is no fleet of one');
  assert.deepEqual(take({}, 1, fleet.slice(0, 1)), []);
  const halfStopped = fleet.map((one, index) => (index < 9 ? { ...one, state: 'T' } : one));
  assert.deepEqual(take({ percentage: 50 }, 1, halfStopped), []);
  assert.deepEqual(take({ percentage: 30 }, 5), take({ percentage: 30 }, 5, [...fleet].reverse()), 'one seed, one choice');
  assert.notDeepEqual(take({ percentage: 30 }, 5), take({ percentage: 30 }, 6));
  assert.notDeepEqual(take({ percentage: 30 }, 5), take({ percentage: 30 }, 5, fleet, { round: 1 }));
});

test('over many seeds the dice are fair and the intervals stay within their jitter', () => {
  const fleet = Array.from({ length: 10 }, (_, index) => info(100 + index, 1, 'worker'));
  const counts = new Map<number, number>();
  for (let seed = 0; seed < 3_000; seed++) {
    for (const { pid } of choose(fleet, params({ probability: 0.3 }), { firstFleet: 10, taken: 0, round: 0, seed, policy: 'p' })) {
      counts.set(pid, (counts.get(pid) ?? 0) + 1);
    }
    const wait = waitFor(params({ interval: '1s', jitter: 0.2 }), 1, seed, 'p');
    assert.ok(wait >= 800 && wait <= 1_200);
  }
  // Three standard deviations of a binomial with n = 3000, p = 0.3: 75.
  for (const pid of fleet.map((one) => one.pid)) assert.ok(Math.abs((counts.get(pid) ?? 0) - 900) < 75, `${pid}: ${counts.get(pid)}`);
});

test('how targets are read', () => {
  const matches = (target: string, process: ProcessInfo): boolean => {
    const selector = parseSelector(target);
    assert.ok(!('error' in selector), target);
    return matchesSelector(selector, { ...process, user: 'ann', ports: [8080] });
  };
  const one = info(7, 1, '/usr/bin/node worker.js --queue=mail', { name: 'MainThread', groups: ['/system.slice/mail.service/inner'] });
  for (const target of ['name:node', 'name:no*', 'name:MainThread', 'cmd:queue=mail', 'cmd:/worker\\.js --queue=\\w+$/', 'group:mail.service',
    'group:/system.slice', 'group:/system.slice/mail.service', 'user:ann', 'port:8080', 'pid:7', 'pid:3, 7']) assert.equal(matches(target, one), true, target);
  for (const target of ['name:nod', 'name:n', 'cmd:Queue', 'cmd:/^worker/', 'group:mail', 'group:/system', 'user:an', 'port:808', 'pid:77']) assert.equal(matches(target, one), false, target);
  for (const target of ['', 'node', 'name:', 'name:*', 'cmd:/(/', 'cmd://', 'group:/', 'pid:x', 'pid:0', 'pid:7,', 'user:', 'port:http', 'port:0', 'port:65536', 'label:a=b']) {
    assert.ok('error' in parseSelector(target), target);
    assert.notEqual(processManifest.target.check?.(target), undefined, target);
  }
});

test('a pattern that would take for ever on a command line is refused in a moment', () => {
  const selector = parseSelector('cmd:/^(a+)+$/');
  assert.ok(!('error' in selector));
  const room = { self: 0, own: [], ssh: false };
  const short = [info(7, 1, 'aaa'), info(8, 1, 'aab')];
  assert.deepEqual(find(short, selector, room).fleet.map(({ pid }) => pid), [7]);
  assert.throws(
    () => find([...short, info(9, 1, `${'a'.repeat(60)}b`)], selector, room),
    (error: Error) => error instanceof FirebreakError && error.code === 'bad-target' && /takes too long/.test(error.message),
  );
});

test('the manifest: weights, remarks, checks and plain words', () => {
  assert.equal(processManifest.severity(params()), 0.5);
  assert.equal(processManifest.severity(params({ action: 'kill', percentage: 50, interval: '1s' })), 1);
  assert.deepEqual(processManifest.remarks(params({ action: 'kill' })), ['irreversible']);
  const fields = (raw: Record<string, unknown>) => processManifest.check?.(params(raw)).map(({ field }) => field);
  assert.deepEqual(fields({ interval: '50ms' }), ['interval']);
  assert.deepEqual(fields({ action: 'kill', jitter: 0.1, stopDuration: '1s' }), ['jitter', 'stopDuration']);
  assert.equal(
    processManifest.explain(params({ percentage: 30, interval: '10s', jitter: 0.2, stopDuration: '2s' }), 'name:nginx'),
    'Stops 30 % of the processes that match name:nginx, again every 10s give or take 20 %, for 2s.',
  );
});

test('who listens on a port, and whose a process is, is asked of the system', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const self = { self: 0, own: [], ssh: false };
  const pidsOf = (target: string): readonly number[] => {
    const selector = parseSelector(target);
    assert.ok(!('error' in selector));
    const { fleet, spared } = find(listProcesses(), selector, self);
    return [...fleet, ...spared.map(({ process: info }) => info)].map(({ pid }) => pid);
  };
  assert.deepEqual(pidsOf(`port:${port}`), [process.pid]);
  server.close();
  await once(server, 'close');
  assert.deepEqual(pidsOf(`port:${port}`), []);
  assert.ok(pidsOf(`user:${userInfo().username}`).includes(process.pid));
  assert.ok(pidsOf(`user:nobody-of-that-name`).length === 0);
});
