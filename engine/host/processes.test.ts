import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { realClock } from '../kernel/clock.ts';
import { identityOf, selfIdentity, stateOf } from './identity.ts';
import { findByArgument, groupsOf, isEnded, listProcesses, parsePsLine, parseStat, readProcess } from './processes.ts';
import { maySignal, signal } from './signals.ts';

const posix = { skip: process.platform === 'win32' ? 'Windows has no such processes' : false };

/** A real process that waits, and ends with the test. */
async function waiting(): Promise<AsyncDisposable & { readonly pid: number }> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const ended = once(child, 'exit');
  return {
    pid: child.pid as number,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (const end = realClock.now() + 60_000; !condition(); await realClock.sleep(5)) {
    if (realClock.now() > end) assert.fail(`not within 5 s: ${what}`);
  }
}

test('this process sees itself as it is', posix, () => {
  const self = readProcess(process.pid);
  assert.equal(self?.ppid, process.ppid);
  assert.equal(self?.uid, process.getuid?.());
  assert.equal(self?.program.startsWith('node'), true);
  assert.ok(listProcesses().some((info) => info.pid === process.pid && info.started === self?.started));
  assert.equal(stateOf(selfIdentity()), 'self');
});

test('a pid with another start time is another process, and the other process is dead', posix, async () => {
  await using child = await waiting();
  const identity = identityOf(child.pid);
  assert.ok(identity);
  assert.equal(stateOf(identity), 'alive');
  const earlier = { ...identity, started: `${identity.started}1` };
  assert.equal(stateOf(earlier), 'dead');
  assert.equal(signal(earlier, 'kill'), 'gone');
  assert.equal(stateOf(identity), 'alive', 'the namesake was left alone');
});

test('stop and its inverse, then the end', posix, async () => {
  await using child = await waiting();
  const identity = identityOf(child.pid);
  assert.ok(identity);
  assert.equal(maySignal(child.pid), true);
  assert.equal(signal(identity, 'stop'), 'sent');
  await until('it is stopped', () => readProcess(child.pid)?.state === 'T');
  assert.equal(stateOf(identity), 'alive');
  assert.equal(signal(identity, 'continue'), 'sent');
  await until('it continues', () => readProcess(child.pid)?.state !== 'T');
  assert.equal(signal(identity, 'terminate'), 'sent');
  await until('it has ended', () => stateOf(identity) === 'dead');
  assert.equal(signal(identity, 'continue'), 'gone');
});

test('a process that has ended and that nobody has collected is dead', posix, async () => {
  // The shell becomes a program that never collects the child it inherits.
  const parent = spawn('sh', ['-c', 'sleep 0 & exec sleep 60'], { stdio: 'ignore' });
  const ended = once(parent, 'exit');
  try {
    const zombie = () => listProcesses().find((info) => info.ppid === parent.pid && isEnded(info));
    await until('there is a zombie', () => zombie() !== undefined);
    const info = zombie();
    assert.ok(info);
    assert.equal(stateOf({ pid: info.pid, started: info.started }), 'dead');
    assert.equal(identityOf(info.pid), undefined);
  } finally {
    parent.kill('SIGKILL');
    await ended;
  }
});

test('an argument is matched whole', posix, async () => {
  const word = `--word=${process.pid}-${Math.random().toString(36).slice(2)}`;
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)', '--', word], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  try {
    await until('it is found', () => findByArgument(word).some((info) => info.pid === child.pid));
    assert.deepEqual(findByArgument(word.slice(0, -1)), []);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  assert.deepEqual(findByArgument(word), []);
});

test('a process name may hold brackets and spaces', () => {
  const line = '4711 (a) R (b) T 1 4700 4690 0 -1 4194560 285 0 1 0 150 50 0 0 20 0 7 0 170774 1305776128 111';
  assert.deepEqual(parseStat(line), {
    name: 'a) R (b', state: 'T', ppid: 1, session: 4690, flags: 4194560, ticks: 200, threads: 7, startTicks: '170774',
  });
  assert.equal(parseStat('4711 (half'), undefined);
  assert.equal(parseStat(''), undefined);
});

test('control groups of both versions', () => {
  const text = '9:name=systemd:/system.slice/nginx.service\n4:memory:/system.slice/nginx.service\n1:cpu:/\n0::/a:b\n';
  assert.deepEqual(groupsOf(text), ['/system.slice/nginx.service', '/a:b']);
});

test('a line of ps', () => {
  const info = parsePsLine('  501     1    89   500 Ss   Fri Nov 21 03:22:03 2025     /usr/sbin/thing -a "b c"');
  assert.equal(info?.pid, 501);
  assert.equal(info?.session, 500);
  assert.equal(info?.state, 'S');
  assert.equal(info?.started, 'Fri Nov 21 03:22:03 2025');
  assert.equal(info?.program, 'thing');
  assert.equal(parsePsLine('no process'), undefined);
});
