import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { realClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { MAX_SETTING_BYTES, MAX_SETTINGS, openSettings, type Settings } from './settings.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-settings-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
const open = (dir: string, notices: string[] = []): Settings => openSettings(dir, realClock, (text) => notices.push(text));
const code = (expected: string) => (error: unknown) =>
  error instanceof FirebreakError && error.code === expected && error.hint !== '';

test('a value is there again after a restart, and null forgets it', (t) => {
  const dir = join(folder(t), 'state');
  const settings = open(dir);
  assert.equal(settings.get('boards'), null);
  assert.deepEqual(readdirSync(join(dir, '..')), [], 'reading makes nothing');
  const value = { boards: [{ name: 'ünï → 漢字', widgets: [1.5, true, null] }] };
  settings.set('boards', value);
  settings.set('theme', 'dark');
  assert.deepEqual(open(dir).get('boards'), value);
  settings.set('boards', null);
  settings.set('never-there', null);
  assert.deepEqual([open(dir).get('boards'), open(dir).get('theme')], [null, 'dark']);
});

test('a value that is too large or no JSON is refused, and the one before stays', (t) => {
  const settings = open(folder(t));
  const largest = 'x'.repeat(MAX_SETTING_BYTES - 2);
  settings.set('notes', largest);
  assert.throws(() => settings.set('notes', `${largest}x`), code('bad-setting'));
  // Counted in bytes: half as many characters of two bytes each.
  assert.throws(() => settings.set('notes', 'ü'.repeat(MAX_SETTING_BYTES / 2)), code('bad-setting'));
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  for (const none of [circle, 1n, () => 1]) assert.throws(() => settings.set('notes', none), code('bad-setting'));
  assert.equal(settings.get('notes'), largest);
});

test('there is room for so many keys; those that exist can still change', (t) => {
  const dir = folder(t);
  const settings = open(dir);
  settings.set('key0', 0);
  const database = new DatabaseSync(join(dir, 'settings.db'));
  const insert = database.prepare('INSERT INTO settings VALUES (?, ?)');
  for (let index = 1; index < MAX_SETTINGS; index++) insert.run(`key${index}`, String(index));
  database.close();
  assert.throws(() => settings.set('one-more', 1), code('too-many-settings'));
  settings.set('key7', 'changed');
  settings.set('key8', null);
  settings.set('one-more', 1);
  assert.deepEqual([settings.get('key7'), settings.get('one-more')], ['changed', 1]);
});

for (const [what, damage] of [
  ['is no database', () => Buffer.from('this was never a database, and it is long enough to have a header of its own')],
  ['is overwritten', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 4_096), Buffer.alloc(bytes.length - 4_096, 0xa5)])],
] as const) {
  test(`a file that ${what} is set aside with a notice, and settings can be kept again`, (t) => {
    const dir = folder(t);
    const path = join(dir, 'settings.db');
    open(dir).set('boards', 'x'.repeat(50_000));
    const bytes = damage(readFileSync(path));
    writeFileSync(path, bytes);
    const notices: string[] = [];
    const settings = open(dir, notices);
    assert.equal(settings.get('boards'), null);
    assert.equal(notices.length, 1);
    const aside = readdirSync(dir).find((name) => name.startsWith('settings.db.damaged-')) ?? '';
    assert.ok(readFileSync(join(dir, aside)).equals(bytes) && notices[0]?.includes(aside) === true);
    settings.set('boards', 'again');
    assert.equal(open(dir).get('boards'), 'again');
  });
}

test('a value that somebody broke counts as not set', (t) => {
  const dir = folder(t);
  open(dir).set('boards', 1);
  const database = new DatabaseSync(join(dir, 'settings.db'));
  database.exec(`UPDATE settings SET value = '{"boards":'`);
  database.close();
  const notices: string[] = [];
  assert.equal(open(dir, notices).get('boards'), null);
  assert.match(notices.join(), /boards could not be read/);
});

test('a disk that takes nothing gives one clear error', (t) => {
  const dir = folder(t);
  mkdirSync(join(dir, 'settings.db'));
  assert.throws(() => open(dir).set('boards', 1), code('settings-unwritable'));
  assert.throws(() => open(dir).get('boards'), code('settings-unwritable'));
  writeFileSync(join(dir, 'file'), '');
  assert.throws(() => open(join(dir, 'file', 'state')).set('boards', 1), code('state-unwritable'));
});

const mountable = process.platform === 'linux' && process.getuid?.() === 0;
test('a full disk and a read-only one keep what was there, and it can be read', { skip: mountable ? false : 'needs root on Linux to mount a small disk' }, (t) => {
  const disk = folder(t);
  const mount = (...args: readonly string[]): boolean => spawnSync('mount', [...args, disk]).status === 0;
  if (!mount('-t', 'tmpfs', '-o', 'size=256k', 'tmpfs')) return t.skip('tmpfs cannot be mounted');
  try {
    const settings = open(disk);
    settings.set('boards', 'before');
    const larger = 'x'.repeat(MAX_SETTING_BYTES - 2);
    const refused = (words: RegExp) => (error: unknown) => code('settings-unwritable')(error) && words.test(String(error));
    assert.throws(() => settings.set('boards', larger), refused(/disk is full/));
    assert.equal(settings.get('boards'), 'before');
    settings.set('boards', 'after');
    assert.ok(mount('-o', 'remount,ro'));
    assert.throws(() => settings.set('boards', 'never'), refused(/readonly/));
    assert.equal(open(disk).get('boards'), 'after');
  } finally {
    spawnSync('umount', [disk]);
  }
});
