import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FirebreakError } from '../kernel/errors.ts';
import { openDatabase } from './database.ts';
import { acquireExperimentLock, holdLock, readExperimentHolder } from './lock.ts';

function directory() {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-lock-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
const holder = { run: 'r-000000000001', name: 'checkout', pid: process.pid };
const taken = (error: unknown): boolean =>
  error instanceof FirebreakError &&
  error.code === 'experiment-running' &&
  /"checkout" \(run r-000000000001, process \d+\)/.test(error.message);

test('one holder at a time, named to whoever comes second', () => {
  using dir = directory();
  assert.equal(readExperimentHolder(dir.path), null);
  assert.deepEqual(readdirSync(dir.path), [], 'who only looks makes no file');
  const lock = acquireExperimentLock(dir.path, holder);
  assert.deepEqual(readExperimentHolder(dir.path), holder);
  assert.throws(() => acquireExperimentLock(dir.path, { ...holder, name: 'other' }), taken);
  lock[Symbol.dispose]();
  assert.equal(readExperimentHolder(dir.path), null);
  using next = acquireExperimentLock(dir.path, { ...holder, name: 'next' });
  assert.equal(readExperimentHolder(dir.path)?.name, 'next');
  lock[Symbol.dispose]();
  assert.equal(readExperimentHolder(dir.path)?.name, 'next', 'releasing twice frees nobody else');
  assert.ok(next);
});

test('who only looks is never taken for a holder, nor is the one before', () => {
  using dir = directory();
  acquireExperimentLock(dir.path, holder)[Symbol.dispose]();
  const looking = openDatabase(join(dir.path, 'experiment.lock'));
  looking.exec('BEGIN; SELECT count(*) FROM sqlite_schema');
  assert.equal(readExperimentHolder(dir.path), null);
  looking.close();
});

test('a holder that cannot be named holds nothing', () => {
  using dir = directory();
  mkdirSync(join(dir.path, 'experiment.json', 'in the way'), { recursive: true });
  assert.throws(() => acquireExperimentLock(dir.path, holder));
  rmSync(join(dir.path, 'experiment.json'), { recursive: true });
  acquireExperimentLock(dir.path, holder)[Symbol.dispose]();
});

test('a holder that is killed with -9 lets go', { timeout: 300_000 }, async () => {
  using dir = directory();
  const module = fileURLToPath(new URL('./lock.ts', import.meta.url));
  const script = `import { acquireExperimentLock } from ${JSON.stringify(module)};
    const holder = { run: 'r-000000000001', name: 'checkout', pid: process.pid };
    globalThis.lock = acquireExperimentLock(process.argv[1], holder);
    process.stdout.write('held'); setInterval(() => {}, 1000);`;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script, dir.path],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise((resolve) => child.stdout.once('data', resolve));
  assert.equal(readExperimentHolder(dir.path)?.pid, child.pid);
  assert.throws(() => acquireExperimentLock(dir.path, holder), taken);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  assert.equal(readExperimentHolder(dir.path), null, 'although its note still lies there');
  using lock = acquireExperimentLock(dir.path, holder);
  assert.ok(lock);
});

test('a lock that cannot be made is an error, not a free pass', () => {
  using dir = directory();
  writeFileSync(
    join(dir.path, 'broken.lock'),
    'this is no database, and long enough to be seen as none at all'.repeat(20),
  );
  assert.throws(
    () => holdLock(join(dir.path, 'broken.lock')),
    (error: unknown) => error instanceof FirebreakError && error.code === 'state-unwritable',
  );
  assert.throws(
    () => holdLock(join(dir.path, 'no', 'such', 'folder')),
    (error: unknown) => error instanceof FirebreakError,
  );
});
