import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, realClock } from '../kernel/clock.ts';
import { type FileIssue } from '../contract/models.ts';
import { type FirebreakFile } from './file.ts';
import { DEBOUNCE, watchFile } from './watch.ts';

/** A clock whose timers ring only when told to; sleeping and time are the machine's. */
function handClock() {
  const alarms = new Set<{ readonly ring: () => void; readonly kind: 'after' | 'every'; readonly span: number }>();
  let armed = 0;
  const set = (kind: 'after' | 'every', span: number, callback: () => void): Disposable => {
    const alarm = { kind, span, ring: () => (kind === 'after' && alarms.delete(alarm), callback()) };
    alarms.add(alarm);
    armed++;
    return { [Symbol.dispose]: () => void alarms.delete(alarm) };
  };
  const clock: Clock = {
    ...realClock,
    after: (span, call) => set('after', span, call),
    every: (span, call) => set('every', span, call),
  };
  const of = (kind: 'after' | 'every') => [...alarms].filter((alarm) => alarm.kind === kind);
  return {
    clock,
    armed: () => armed,
    waiting: () => of('after'),
    ring: (kind: 'after' | 'every') => of(kind).forEach((alarm) => alarm.ring()),
  };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    if (condition()) return;
    await pause(10);
  }
  assert.fail(`still waiting for ${what}`);
}

const named = (name: string): string =>
  `version: 1\nname: ${name}\npolicies:\n  - { type: http, target: /a, error_chance: 0.5 }\n`;

/** A folder with policy.yaml (unless `fill` does otherwise) under watch, and what the watch told. */
async function scene(
  fill: (folder: string) => void = (folder) => writeFileSync(join(folder, 'policy.yaml'), named('one')),
  clock: Clock = realClock,
) {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-watch-'));
  fill(folder);
  const path = join(folder, 'policy.yaml');
  const loads: string[] = [];
  const errors: (readonly FileIssue[])[] = [];
  const restored: number[] = [];
  const hooks = { onLoad: (file: FirebreakFile): void | Promise<void> => void loads.push(file.name) };
  const watching = await watchFile(path, {
    clock,
    onLoad: (file) => hooks.onLoad(file),
    onError: (issues) => void errors.push(issues),
    onRestored: () => void restored.push(loads.length),
  });
  const end = async (): Promise<void> => {
    await watching[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, path, loads, errors, restored, hooks, watching, [Symbol.asyncDispose]: end };
}
const LIMIT = { timeout: 300_000 };

test('the first content is given before the watch is handed back', LIMIT, async () => {
  await using s = await scene();
  assert.deepEqual(s.loads, ['one']);
});

test('writing in place is seen', LIMIT, async () => {
  await using s = await scene();
  writeFileSync(s.path, named('two'));
  await until(() => s.loads.includes('two'), 'the second content');
  assert.deepEqual(s.loads, ['one', 'two']);
});

test('sed -i is seen, again and again', LIMIT, async () => {
  await using s = await scene();
  for (const [from, to] of [
    ['one', 'two'],
    ['two', 'three'],
    ['three', 'four'],
  ] as const) {
    execFileSync('sed', ['-i', `s/name: ${from}/name: ${to}/`, s.path]);
    await until(() => s.loads.at(-1) === to, to);
  }
  assert.deepEqual([s.loads, s.errors], [['one', 'two', 'three', 'four'], []]);
});

test('the way of vim is seen: the file is renamed away and a new one takes its name', LIMIT, async () => {
  await using s = await scene();
  for (const name of ['two', 'three']) {
    writeFileSync(join(s.folder, '4913'), '');
    unlinkSync(join(s.folder, '4913'));
    renameSync(s.path, `${s.path}~`);
    writeFileSync(s.path, named(name));
    unlinkSync(`${s.path}~`);
    await until(() => s.loads.at(-1) === name, name);
  }
  assert.deepEqual([s.loads, s.errors], [['one', 'two', 'three'], []]);
});

test('a ConfigMap is followed through its swaps of ..data', LIMIT, async () => {
  const version = (folder: string, number: number, name: string): void => {
    mkdirSync(join(folder, `..v${number}`));
    writeFileSync(join(folder, `..v${number}`, 'policy.yaml'), named(name));
  };
  await using s = await scene((folder) => {
    version(folder, 1, 'one');
    symlinkSync('..v1', join(folder, '..data'));
    symlinkSync('..data/policy.yaml', join(folder, 'policy.yaml'));
  });
  for (const [number, name] of [
    [2, 'two'],
    [3, 'three'],
    [4, 'four'],
  ] as const) {
    version(s.folder, number, name);
    // What the kubelet does: a new link beside the old one, renamed over it; then the old version goes.
    symlinkSync(`..v${number}`, join(s.folder, '..data_tmp'));
    renameSync(join(s.folder, '..data_tmp'), join(s.folder, '..data'));
    rmSync(join(s.folder, `..v${number - 1}`), { recursive: true });
    await until(() => s.loads.at(-1) === name, name);
  }
  assert.deepEqual([s.loads, s.errors], [['one', 'two', 'three', 'four'], []]);
});

test('a file behind a link elsewhere is followed where it really lies', LIMIT, async () => {
  await using s = await scene((folder) => {
    mkdirSync(join(folder, 'real'));
    writeFileSync(join(folder, 'real', 'a.yaml'), named('one'));
    symlinkSync(join(folder, 'real'), join(folder, 'current'));
    symlinkSync('current/a.yaml', join(folder, 'policy.yaml'));
  });
  writeFileSync(join(s.folder, 'real', 'a.yaml'), named('two'));
  await until(() => s.loads.at(-1) === 'two', 'the content behind two links');
  mkdirSync(join(s.folder, 'next'));
  writeFileSync(join(s.folder, 'next', 'a.yaml'), named('three'));
  unlinkSync(join(s.folder, 'current'));
  symlinkSync('next', join(s.folder, 'current'));
  await until(() => s.loads.at(-1) === 'three', 'the content behind the new link');
});

test('a broken file is told once and the last good one stays; mending it goes on', LIMIT, async () => {
  await using s = await scene();
  writeFileSync(s.path, named('two').replace('0.5', '5'));
  await until(() => s.errors.length > 0, 'the finding');
  assert.equal(s.errors[0]?.[0]?.line, 4);
  assert.deepEqual(s.loads, ['one']);
  writeFileSync(s.path, named('two'));
  await until(() => s.loads.at(-1) === 'two', 'the mended file');
  assert.equal(s.errors.length, 1);
});

test('deletion is told, and the file is found again when it comes back', LIMIT, async () => {
  await using s = await scene();
  unlinkSync(s.path);
  await until(() => s.errors.length === 1, 'the deletion');
  assert.match(s.errors[0]?.[0]?.message ?? '', /cannot read .*policy\.yaml/);
  writeFileSync(s.path, named('one'));
  await until(() => s.restored.length === 1, 'the same file again');
  assert.deepEqual(s.loads, ['one'], 'content that is in force already is not given again');
  writeFileSync(s.path, named('two'));
  await until(() => s.loads.at(-1) === 'two', 'new content');
});

test('a whole folder may go and come back: the poll finds it', LIMIT, async () => {
  const hand = handClock();
  await using s = await scene(undefined, hand.clock);
  rmSync(s.folder, { recursive: true });
  mkdirSync(s.folder);
  writeFileSync(s.path, named('two'));
  // The folder that went may have raised events of its own: those are read first, then the poll looks.
  for (let round = 0; round < 3; round++) {
    hand.ring('after');
    hand.ring('every');
    await pause(50);
  }
  hand.ring('after');
  await until(() => s.loads.at(-1) === 'two', 'the file in the new folder');
  const before = hand.armed();
  writeFileSync(s.path, named('three'));
  await until(() => hand.armed() > before, 'an event from the new folder, without the poll');
  hand.ring('after');
  await until(() => s.loads.at(-1) === 'three', 'the change in the new folder');
});

test('many writes in a row are read once, when 300 ms have passed since the last', LIMIT, async () => {
  const hand = handClock();
  await using s = await scene(undefined, hand.clock);
  for (let round = 2; round < 12; round++) {
    const before = hand.armed();
    writeFileSync(s.path, named(`n${round}`));
    await until(() => hand.armed() > before, 'the event');
    assert.equal(hand.waiting().length, 1, 'each event replaces the wait before it');
    assert.equal(hand.waiting()[0]?.span, DEBOUNCE);
  }
  assert.deepEqual(s.loads, ['one']);
  hand.ring('after');
  await until(() => s.loads.length === 2, 'the one reload');
  assert.deepEqual(s.loads, ['one', 'n11']);
});

test('touching a file without changing it, and other files of the folder, give nothing', LIMIT, async () => {
  const hand = handClock();
  await using s = await scene(undefined, hand.clock);
  const before = hand.armed();
  writeFileSync(join(s.folder, 'other.yaml'), 'x');
  writeFileSync(s.path, named('one'));
  await until(() => hand.armed() > before, 'the event of the file itself');
  hand.ring('after');
  writeFileSync(s.path, named('two'));
  await until(() => hand.waiting().length > 0, 'the next event');
  hand.ring('after');
  await until(() => s.loads.at(-1) === 'two', 'the next content');
  assert.deepEqual(s.loads, ['one', 'two']);
});

test('closing waits for a reload in flight, and nothing is called back afterwards', LIMIT, async () => {
  const hand = handClock();
  await using s = await scene(undefined, hand.clock);
  const gate = Promise.withResolvers<void>();
  let finished = false;
  let begun = false;
  s.hooks.onLoad = async () => {
    begun = true;
    await gate.promise;
    finished = true;
  };
  writeFileSync(s.path, named('two'));
  await until(() => hand.waiting().length > 0, 'the event');
  hand.ring('after');
  await until(() => begun, 'the reload to begin');
  let closed = false;
  const closing = s.watching[Symbol.asyncDispose]().then(() => (closed = true));
  writeFileSync(s.path, named('three'));
  await pause(20);
  assert.deepEqual([closed, finished], [false, false]);
  gate.resolve();
  await closing;
  assert.ok(finished);
  assert.equal(hand.waiting().length, 0, 'no timer is left');
});

test('a listener that fails is told of, and the watch goes on', LIMIT, async () => {
  await using s = await scene();
  const { onLoad } = s.hooks;
  s.hooks.onLoad = () => {
    throw new Error('no room');
  };
  writeFileSync(s.path, named('two'));
  await until(() => s.errors.length === 1, 'the failure');
  assert.match(s.errors[0]?.[0]?.message ?? '', /no room/);
  s.hooks.onLoad = onLoad;
  writeFileSync(s.path, named('three'));
  await until(() => s.loads.at(-1) === 'three', 'the next content');
});
