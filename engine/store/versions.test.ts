import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { openVersions, type VersionLimits, type Versions } from './versions.ts';

const clock = new VirtualClock();
function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-versions-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
const open = (dir: string, notices: string[] = [], limits?: VersionLimits): Versions =>
  openVersions(dir, clock, (text) => notices.push(text), limits);
const code = (expected: string) => (error: unknown) =>
  error instanceof FirebreakError && error.code === expected && error.hint !== '';

test('the newest comes first, whatever the wall clock says, and texts come back whole', (t) => {
  const dir = folder(t);
  const versions = open(dir);
  assert.deepEqual(versions.list(10), []);
  assert.equal(versions.get(1), undefined);
  const first = versions.keep('name: a\n', 'a', 'saved');
  const second = versions.keep('name: ü → 漢字\r\n', 'b', 'deployed');
  assert.deepEqual([first.hash.length, first.chars, first.at], [8, 8, clock.wall()]);
  assert.deepEqual(open(dir).list(10), [second, first]);
  assert.deepEqual(open(dir).list(1), [second]);
  assert.equal(open(dir).get(second.id), 'name: ü → 漢字\r\n');
  assert.equal(open(dir).get(99), undefined);
});

test('the same text is kept once, moves to the top, and keeps its id', (t) => {
  const versions = open(folder(t));
  const first = versions.keep('one', 'a', 'saved');
  const second = versions.keep('two', 'b', 'saved');
  const again = versions.keep('one', 'a', 'run');
  assert.deepEqual(again, { ...first, why: 'run' });
  assert.deepEqual(versions.list(10), [again, second]);
});

test('two texts of the same hash are two versions', (t) => {
  const versions = open(folder(t));
  // A collision of FNV-1a in 32 bits.
  const [a, b] = [versions.keep('costarring', 'a', 'saved'), versions.keep('liquid', 'a', 'saved')];
  assert.equal(a.hash, b.hash);
  assert.deepEqual([versions.get(a.id), versions.get(b.id)], ['costarring', 'liquid']);
});

test('the oldest go when there are too many or they are too large; the newest stays', (t) => {
  const many = open(folder(t), [], { most: 3, bytes: 1e6 });
  const kept = ['1', '2', '3', '4', '5'].map((text) => many.keep(text, text, 'run'));
  assert.deepEqual(many.list(10).map(({ name }) => name), ['5', '4', '3']);
  assert.equal(many.get(kept[0]?.id ?? 0), undefined);
  assert.ok(many.keep('6', '6', 'run').id > Math.max(...kept.map(({ id }) => id)), 'an id is never used again');

  const large = open(folder(t), [], { most: 100, bytes: 60 });
  large.keep('first', 'first', 'run');
  const huge = Array.from({ length: 200 }, (_, index) => String(index)).join();
  large.keep(huge, 'huge', 'run');
  assert.deepEqual(large.list(10).map(({ name }) => name), ['huge']);
  large.keep('small', 'small', 'run');
  assert.deepEqual(large.list(10).map(({ name }) => name), ['small']);
});

test('a damaged file is set aside with a notice; a damaged text is told as what it is', (t) => {
  const dir = folder(t);
  const { id } = open(dir).keep('one', 'a', 'saved');
  const database = new DatabaseSync(join(dir, 'versions.db'));
  database.exec(`UPDATE versions SET text = x'00'`);
  database.close();
  assert.throws(() => open(dir).get(id), code('version-damaged'));
  writeFileSync(join(dir, 'versions.db'), 'this was never a database, and it is long enough to have a header of its own');
  const notices: string[] = [];
  const versions = open(dir, notices);
  assert.deepEqual(versions.list(10), []);
  assert.match(notices.join(), /versions could not be read/);
  assert.ok(readdirSync(dir).some((name) => name.startsWith('versions.db.damaged-')));
  versions.keep('two', 'b', 'saved');
  assert.equal(open(dir).list(10).length, 1);
});

test('a disk that takes nothing gives one clear error', (t) => {
  const dir = folder(t);
  mkdirSync(join(dir, 'versions.db'));
  assert.throws(() => open(dir).keep('one', 'a', 'saved'), code('versions-unwritable'));
});
