import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { type FaultId } from '../kernel/brands.ts';
import { VirtualClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { type Journal, openJournal, type UndoDraft } from './journal.ts';
import { decodeRecord, encodeRecord, scanRecords, type UndoStep } from './journal-record.ts';

const clock = new VirtualClock();
const id = (n: number): FaultId => `f-${String(n).padStart(12, '0')}` as FaultId;
const draft = (n: number, step: UndoStep, undo: unknown = { n }): UndoDraft => ({
  step,
  fault: id(n),
  run: 'r-000000000000',
  policy: `policy ${n}`,
  type: 'folder',
  layer: 'host',
  target: `target ${n}`,
  action: 'do',
  inverse: 'undo',
  reversible: true,
  owner: { pid: 4_000_000, started: 'long ago' },
  undo,
  before: 'calm',
  after: null,
  note: 'FBJ1 is also a word',
});

/** A state directory in which three faults are open and a fourth is closed: 8 rows. */
function state() {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-journal-'));
  const stack = new DisposableStack();
  stack.defer(() => rmSync(path, { recursive: true, force: true }));
  const open = (): Journal => stack.use(openJournal(path, clock));
  const first = open();
  for (const n of [1, 2, 3, 4]) first.append(draft(n, 'planned'));
  first.append(draft(2, 'applied'));
  first.append(draft(3, 'amended', { n: 3, more: 'x'.repeat(9_000) }));
  first.append(draft(4, 'reverting'));
  first.append(draft(4, 'reverted'));
  return { path, first, open, file: (name: string) => join(path, name), [Symbol.dispose]: () => stack.dispose() };
}
const summary = (journal: Journal) =>
  journal.open().map(({ fault, step, undo }) => `${Number(fault.slice(2))} ${step} ${JSON.stringify(undo).length}`);
const ALL = ['1 planned 7', '2 applied 7', '3 amended 9017'];

/** Changes bytes of a file in place. */
function poke(path: string, at: number, text: string): void {
  const file = openSync(path, 'r+');
  writeSync(file, text, at);
  closeSync(file);
}

test('the newest row of a fault counts, in the order in which they were planned', () => {
  using at = state();
  assert.deepEqual(summary(at.first), ALL);
  assert.deepEqual(summary(at.open()), ALL);
  assert.equal(at.first.latest(id(4))?.step, 'reverted');
  assert.equal(at.first.latest(id(9)), undefined);
  assert.deepEqual(at.open().damage(), []);
});

test("several openings see each other's rows, and number them without gap or clash", () => {
  using at = state();
  const other = at.open();
  other.append(draft(5, 'planned'));
  at.first.append(draft(6, 'planned'));
  other.append(draft(6, 'reverted'));
  assert.deepEqual([summary(at.first).length, summary(other).length], [4, 4]);
  assert.equal(at.first.latest(id(6))?.seq, 11);
});

test('a conditional row is refused by what another opening wrote', () => {
  using at = state();
  at.open().append(draft(1, 'reverting'));
  assert.equal(at.first.append(draft(1, 'amended'), ['reverting', 'reverted']), undefined);
  assert.equal(at.first.latest(id(1))?.step, 'reverting');
});

test('rows can neither be changed nor deleted through SQL', () => {
  using at = state();
  using database = new DatabaseSync(at.file('journal.db'));
  assert.throws(() => database.exec("UPDATE record SET payload = ''"), /append-only/);
  assert.throws(() => database.exec('DELETE FROM record'), /append-only/);
});

test('an undo record too large for one page is refused before anything is written', () => {
  using at = state();
  assert.throws(
    () => at.first.append(draft(7, 'planned', 'x'.repeat(60_000))),
    (error: unknown) => error instanceof FirebreakError && error.code === 'undo-too-large',
  );
  at.first.append(draft(7, 'planned', 'x'.repeat(59_000)));
  assert.deepEqual(summary(at.open()).at(-1), '7 planned 59002');
});

/** Each damage, and whether SQLite can still read the file afterwards. */
const DAMAGES: readonly { readonly name: string; readonly damage: (at: ReturnType<typeof state>) => void }[] = [
  { name: 'a row tampered with', damage: (at) => tamper(at, 5, (text) => text.replace('target 2', 'target 9')) },
  { name: 'a row half-written', damage: (at) => tamper(at, 6, (text) => text.slice(0, text.length / 2)) },
  { name: 'a row emptied', damage: (at) => tamper(at, 8, () => '') },
  {
    name: 'a row exchanged for another',
    damage: (at) => tamper(at, 2, () => encodeRecord({ ...at.first.latest(id(1))!, seq: 1 })),
  },
  { name: 'rows deleted', damage: (at) => sql(at, 'DELETE FROM record WHERE seq IN (2, 5)') },
  { name: 'the table dropped', damage: (at) => sql(at, 'DROP TABLE record') },
  { name: 'the header smashed', damage: (at) => poke(at.file('journal.db'), 0, 'x'.repeat(100)) },
  { name: 'a page smashed', damage: (at) => poke(at.file('journal.db'), 65_536, '\xff'.repeat(200)) },
  { name: 'cut in the middle of a page', damage: (at) => truncateSync(at.file('journal.db'), 100_000) },
  { name: 'cut at a page', damage: (at) => truncateSync(at.file('journal.db'), 65_536) },
  { name: 'cut to nothing', damage: (at) => truncateSync(at.file('journal.db'), 0) },
  {
    name: 'replaced by other text',
    damage: (at) => writeFileSync(at.file('journal.db'), 'these are not the records you are looking for'),
  },
  {
    name: 'header smashed, and no second copy',
    damage: (at) => {
      poke(at.file('journal.db'), 0, 'x'.repeat(100));
      rmSync(at.file('journal.log'));
    },
  },
  {
    name: 'page type smashed, and no second copy',
    damage: (at) => {
      poke(at.file('journal.db'), 65_536, '\xff');
      rmSync(at.file('journal.log'));
    },
  },
  {
    name: 'a line of the second copy tampered with',
    damage: (at) =>
      writeFileSync(
        at.file('journal.log'),
        readFileSync(at.file('journal.log'), 'utf8').replace('target 2', 'target 9'),
      ),
  },
  { name: 'the second copy half-written', damage: (at) => appendFileSync(at.file('journal.log'), 'FBJ1 200 abc') },
  { name: 'the second copy cut', damage: (at) => truncateSync(at.file('journal.log'), 700) },
];

function tamper(at: ReturnType<typeof state>, seq: number, change: (text: string) => string): void {
  using database = new DatabaseSync(at.file('journal.db'));
  const text = change(String(database.prepare('SELECT payload FROM record WHERE seq = ?').get(seq)?.['payload']));
  database.exec('DROP TRIGGER record_unchanged');
  database.prepare('UPDATE record SET payload = ? WHERE seq = ?').run(text, seq);
}
function sql(at: ReturnType<typeof state>, text: string): void {
  using database = new DatabaseSync(at.file('journal.db'));
  database.exec(`DROP TRIGGER record_stays; ${text}`);
}

for (const { name, damage } of DAMAGES) {
  test(`${name}: reported, and no other record lost`, () => {
    using at = state();
    at.first[Symbol.dispose]();
    damage(at);
    const journal = at.open();
    assert.ok(journal.damage().length > 0, 'reported');
    assert.ok(journal.damage().every(({ where, what }) => where.startsWith('journal.') && what !== ''));
    assert.deepEqual(summary(journal), ALL);
    assert.equal(journal.latest(id(4))?.step, 'reverted');
    journal.append(draft(1, 'reverted'));
    assert.deepEqual(summary(at.open()), ALL.slice(1), 'it goes on from there');
    assert.ok(journal.mend().length > 0);
    assert.deepEqual(
      [journal.damage(), summary(journal), at.open().damage(), summary(at.open())],
      [[], ALL.slice(1), [], ALL.slice(1)],
    );
    assert.ok(
      readdirSync(at.path).some((file) => file.includes('.damaged-')),
      'the damaged file is kept as evidence',
    );
  });

  test(`${name}, while another process has it open: that one goes on as well`, () => {
    using at = state();
    damage(at);
    at.open().mend();
    at.first.append(draft(5, 'planned'));
    assert.deepEqual(summary(at.first), [...ALL, '5 planned 7']);
    assert.deepEqual(summary(at.open()), [...ALL, '5 planned 7']);
  });
}

test('a row that is lost in both copies costs only itself', () => {
  using at = state();
  at.first[Symbol.dispose]();
  tamper(at, 5, (text) => text.replace('target 2', 'target 9'));
  writeFileSync(
    at.file('journal.log'),
    readFileSync(at.file('journal.log'), 'utf8').replace(/^(FBJ1 .*?"seq":5,.*?)target 2/m, '$1target 9'),
  );
  const journal = at.open();
  assert.equal(journal.damage().length, 2);
  assert.deepEqual(
    summary(journal),
    ['1 planned 7', '2 planned 7', '3 amended 9017'],
    'the fault stays open by its earlier row',
  );
});

test('a record is found in raw bytes wherever it lies, and nothing that only looks like one', () => {
  using at = state();
  const record = at.first.latest(id(1))!;
  const encoded = encodeRecord(record);
  const bytes = Buffer.from(
    `\0FBJ1 FBJ1 12 ${'0'.repeat(64)} {}garbage${encoded}FBJ1 999999 ${'a'.repeat(64)} ${encoded.slice(0, 90)}`,
  );
  assert.deepEqual(scanRecords(bytes), [record]);
  assert.deepEqual(decodeRecord(Buffer.from(encoded.replace('policy 1', 'policy 2'))), {
    wrong: 'its content does not match its checksum',
  });
});

test('a state directory that cannot be made is a clear error', () => {
  using at = state();
  const expected = (error: unknown): boolean =>
    error instanceof FirebreakError && error.code === 'state-unwritable' && error.hint !== '';
  assert.throws(() => openJournal(join(at.file('journal.db'), 'below'), clock), expected);
});

test('a state directory that is deleted while it is in use loses no open record of those who know it', () => {
  using at = state();
  const watchdog = at.open();
  at.first.append(draft(2, 'amended', { n: 2, more: 'later' }));
  rmSync(at.path, { recursive: true, force: true });
  // The one that has not seen the last row comes first; what the other knows is newer and wins.
  assert.deepEqual(summary(watchdog), ALL);
  assert.deepEqual(summary(at.first), ['1 planned 7', '2 amended 22', '3 amended 9017']);
  assert.deepEqual(at.first.latest(id(2))?.undo, { n: 2, more: 'later' });
  assert.match(at.first.damage().map(({ what }) => what).join(), /removed while .* written again/);
  for (const n of [1, 2, 3]) at.first.append(draft(n, 'reverted'));
  for (const journal of [at.first, watchdog, at.open()]) assert.deepEqual(summary(journal), []);
});

test('while the disk is gone, what was read from it before can still be undone', () => {
  using at = state();
  rmSync(at.path, { recursive: true, force: true });
  writeFileSync(at.path, 'not a directory');
  assert.deepEqual(summary(at.first), ALL);
  assert.deepEqual(at.first.latest(id(1))?.undo, { n: 1 });
  assert.throws(() => at.first.append(draft(1, 'reverted')), FirebreakError);
  assert.match(at.first.damage().map(({ what }) => what).join(), /what was read before is used/);
  rmSync(at.path);
  assert.equal(at.first.append(draft(1, 'reverted')).step, 'reverted');
  assert.deepEqual(summary(at.open()), ALL.slice(1));
});
test('a state directory that is deleted when nothing is held stays deleted until somebody writes', () => {
  using at = state();
  const watchdog = at.open();
  for (const n of [1, 2, 3]) at.first.append(draft(n, 'reverted'));
  assert.deepEqual(summary(watchdog), []);
  rmSync(at.path, { recursive: true, force: true });
  assert.deepEqual([summary(watchdog), watchdog.latest(id(1))?.step, watchdog.damage()], [[], 'reverted', []]);
  assert.equal(existsSync(at.path), false);
  watchdog.append(draft(5, 'planned'));
  assert.deepEqual(summary(at.open()), ['5 planned 7']);
});
