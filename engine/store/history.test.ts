import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { FirebreakError } from '../kernel/errors.ts';
import { newRunId } from '../kernel/random.ts';
import { type RunRecord, type Sample } from '../contract/models.ts';
import { capRecord, MOST_SAMPLES } from './history-cap.ts';
import { openHistory } from './history.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-history-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const record = (over: Partial<RunRecord> = {}): RunRecord => ({
  run: newRunId(),
  name: 'a',
  file: 'a.yaml',
  hypothesis: 'h',
  seed: 1,
  blastRadius: 1,
  startedAt: 1_000,
  endedAt: 2_000,
  duration: 1_000,
  verdict: 'held',
  exitCode: 0,
  reason: 'because',
  phases: [],
  steadyState: [],
  abort: null,
  breach: null,
  faults: [],
  reverted: true,
  recoveryMs: null,
  guard: { score: 0, level: 'SAFE', survival: 1, issues: [] },
  samples: [],
  series: [],
  timeline: [],
  environment: {},
  source: 'version: 1',
  ...over,
});
const sample = (seq: number, over: Partial<Sample> = {}): Sample => ({
  seq,
  at: seq,
  probe: 'p',
  phase: 'observe',
  ok: true,
  latency: 1,
  error: '',
  figures: {},
  held: true,
  ...over,
});
const begun = (run: RunRecord): RunRecord => ({ ...run, endedAt: null, verdict: null, exitCode: null });
const code = (expected: string) => (error: unknown) => error instanceof FirebreakError && error.code === expected;

test('what was appended is read back whole, after reopening too', (t) => {
  const dir = folder(t);
  const run = record({ samples: [sample(1), sample(2, { ok: false })], reason: 'ünï → 漢字' });
  openHistory(dir).append(run);
  assert.deepEqual(openHistory(dir).get(run.run), run);
  assert.deepEqual(openHistory(dir).notices, []);
});

test('the newest come first; a run that never ended has no verdict and no record', (t) => {
  const history = openHistory(folder(t));
  const [one, two, three] = [record({ startedAt: 1 }), record({ startedAt: 2 }), record({ startedAt: 3 })];
  for (const run of [one, two, three]) history.begin(begun(run));
  history.begin(begun(three));
  for (const run of [two, one]) history.append(run);
  assert.deepEqual(
    history.list(10).map(({ run, verdict }) => [run, verdict]),
    [
      [three.run, null],
      [two.run, 'held'],
      [one.run, 'held'],
    ],
  );
  assert.deepEqual(
    history.list(2).map(({ run }) => run),
    [three.run, two.run],
  );
  assert.equal(history.get(three.run), undefined);
  assert.equal(history.get('last')?.run, two.run);
});

test('a run is found by a unique prefix, and an ambiguous one is refused', (t) => {
  const history = openHistory(folder(t));
  assert.equal(history.get('last'), undefined);
  for (const run of ['r-aaa000000000', 'r-aab000000000', 'r-b%_000000000']) history.append(record({ run }));
  assert.equal(history.get('r-aab')?.run, 'r-aab000000000');
  assert.equal(history.get('aaa')?.run, 'r-aaa000000000');
  assert.equal(history.get('b%')?.run, 'r-b%_000000000');
  assert.equal(history.get('r-aaa000000000')?.run, 'r-aaa000000000');
  for (const unknown of ['c', '%', '', 'r-aaa0000000000']) assert.equal(history.get(unknown), undefined);
  assert.throws(() => history.get('aa'), code('ambiguous-run'));
});

test('nothing written is ever changed', (t) => {
  const dir = folder(t);
  const history = openHistory(dir);
  const run = record();
  history.begin(begun(run));
  history.append(run);
  assert.throws(() => history.append({ ...run, verdict: 'refuted' }), code('run-already-recorded'));
  const database = new DatabaseSync(join(dir, 'history.db'));
  for (const table of ['started', 'ended']) {
    assert.throws(() => database.exec(`UPDATE ${table} SET at = 0`), /append-only/);
    assert.throws(() => database.exec(`DELETE FROM ${table}`), /append-only/);
    assert.throws(() => database.exec(`INSERT OR REPLACE INTO ${table} SELECT * FROM ${table}`), /append-only/);
  }
  database.close();
  assert.deepEqual(history.get(run.run), run);
});

for (const [what, damage] of [
  ['is no database', () => Buffer.from('this was never a database, and it is long enough to have a header of its own')],
  ['is cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
  [
    'is overwritten in the middle',
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 4_096), Buffer.alloc(bytes.length - 4_096, 0xa5)]),
  ],
] as const) {
  test(`a file that ${what} is set aside, and a new history begun`, (t) => {
    const dir = folder(t);
    const path = join(dir, 'history.db');
    const old = openHistory(dir);
    for (let index = 0; index < 50; index++) old.append(record());
    const bytes = damage(readFileSync(path));
    writeFileSync(path, bytes);
    const history = openHistory(dir);
    assert.equal(history.notices.length, 1);
    const [aside] = readdirSync(dir).filter((name) => name.startsWith('history.db.damaged-'));
    assert.ok(aside !== undefined && history.notices[0]?.includes(aside) === true);
    assert.ok(readFileSync(join(dir, aside)).equals(bytes));
    const run = record();
    history.append(run);
    // The other process had the old file open: it goes on in the new one.
    assert.deepEqual(
      old.list(10).map((each) => each.run),
      [run.run],
    );
  });
}

// A writer is this file again: without the guard each writer would start writers of its own, without end.
test('several processes write at once and lose nothing', { skip: process.argv[2] === '--writer' }, async (t) => {
  const dir = folder(t);
  const script = `
    import { openHistory } from ${JSON.stringify(import.meta.resolve('./history.ts'))};
    const base = ${JSON.stringify(record())};
    const history = openHistory(process.argv[1]);
    for (let index = 0; index < 20; index++) {
      const id = String(process.pid).padStart(8, '0').slice(-8) + String(index).padStart(4, '0');
      const run = { ...base, run: 'r-' + id };
      history.begin({ ...run, endedAt: null, verdict: null, exitCode: null });
      history.append(run);
    }`;
  const children = [1, 2, 3].map(() =>
    spawn(process.execPath, ['--input-type=module', '-e', script, dir], { stdio: 'ignore', timeout: 60_000 }),
  );
  t.after(() => children.forEach((child) => child.kill('SIGKILL')));
  const codes = await Promise.all(children.map(async (child) => ((await once(child, 'exit')) as [number | null])[0]));
  assert.deepEqual(codes, [0, 0, 0]);
  const history = openHistory(dir);
  assert.equal(history.list(1_000).filter(({ verdict }) => verdict === 'held').length, 60);
  assert.deepEqual(history.notices, []);
});

test('a directory that cannot be written to is refused with a hint', (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'file'), '');
  assert.throws(() => openHistory(join(dir, 'file', 'state')), code('state-unwritable'));
  const history = openHistory(dir);
  chmodSync(join(dir, 'history.db'), 0o400);
  if (process.getuid?.() === 0) rmSync(dir, { recursive: true });
  assert.throws(() => history.append(record()), code('history-unwritable'));
});

test('a history that cannot be opened keeps nobody from anything else', (t) => {
  const dir = folder(t);
  mkdirSync(join(dir, 'history.db'));
  const history = openHistory(dir);
  assert.match(history.notices.join(), /cannot use the history/);
  assert.throws(() => history.list(1), code('history-unwritable'));
  assert.throws(() => history.append(record()), code('history-unwritable'));
});

test('a run of days is thinned: the breach and the turning points stay, the shares stay true', (t) => {
  const samples = Array.from({ length: 100_000 }, (_, index) => {
    const broken = index >= 50_000 && index < 60_000;
    return sample(index, { ok: !broken, held: !broken, latency: index });
  });
  const breach = samples[54_321] ?? null;
  const whole = record({ samples, breach });
  const capped = capRecord(whole);
  assert.ok(
    capped.samples.length <= MOST_SAMPLES && capped.samples.length > MOST_SAMPLES * 0.95,
    String(capped.samples.length),
  );
  for (const seq of [0, 50_000, 54_321, 60_000])
    assert.ok(
      capped.samples.some((each) => each.seq === seq),
      String(seq),
    );
  const share = (items: readonly Sample[]): number => items.filter(({ ok }) => ok).length / items.length;
  assert.ok(Math.abs(share(capped.samples) - share(samples)) < 0.001);
  assert.equal(capped.environment['Samples kept'], `${capped.samples.length} of 100000`);
  const history = openHistory(folder(t));
  history.append(whole);
  assert.equal(history.get('last')?.samples.length, capped.samples.length);
  const small = record({ samples: samples.slice(0, 10) });
  assert.deepEqual(capRecord(small), small);
});
