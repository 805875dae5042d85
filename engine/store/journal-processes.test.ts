import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { realClock } from '../kernel/clock.ts';
import { openJournal } from './journal.ts';

const JOURNAL = JSON.stringify(fileURLToPath(new URL('./journal.ts', import.meta.url)));
const CLOCK = JSON.stringify(fileURLToPath(new URL('../kernel/clock.ts', import.meta.url)));
/** Adds rows until it is refused or `most` are there; says each, or at the end how many there are and the error. */
const SCRIPT = `import { openJournal } from ${JOURNAL};
  import { realClock } from ${CLOCK};
  const [stateDir, bytes, most, say] = process.argv.slice(1);
  let rows = 0;
  try {
    const journal = openJournal(stateDir, realClock);
    for (; rows < Number(most); rows++) {
      const fault = 'f-' + String(process.pid * 1000 + rows).padStart(12, '0');
      journal.append({
        step: 'planned', fault, run: 'r', policy: 'p', type: 't', layer: 'host', target: 't', action: 'a', inverse: 'i',
        reversible: true, owner: { pid: 1, started: 's' }, undo: 'x'.repeat(Number(bytes)), before: 'b', after: null,
        note: '',
      });
      if (say === 'each') process.stdout.write(fault + ' ');
    }
  } catch (error) {
    process.stdout.write(JSON.stringify({ rows, code: error.code, hint: error.hint }));
  }`;
const NODE = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', SCRIPT];

/** Runs the script where no file may grow beyond `kilobytes`: the system refuses the write as on a full disk. */
function fill(stateDir: string, kilobytes: number): Promise<{ rows: number; code: string; hint: string }> {
  const command = `ulimit -f ${kilobytes}; exec "$0" "$@"`;
  return new Promise((resolve, reject) => {
    execFile(
      'bash',
      ['-c', command, process.execPath, ...NODE, stateDir, '40000', '100', 'end'],
      { timeout: 30_000 },
      (error, stdout, stderr) => {
        if (error === null && stdout !== '')
          resolve(JSON.parse(stdout) as { rows: number; code: string; hint: string });
        else reject(new Error(`${String(error)} ${stderr}`));
      },
    );
  });
}

/** A writer in a process of its own; resolves with the faults it was told are on the disk when it has ended. */
function writer(
  stateDir: string,
  rows: number,
): { readonly done: Promise<string[]>; kill(): void; first: Promise<void> } {
  const child = spawn(process.execPath, [...NODE, stateDir, '200', String(rows), 'each'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const first = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const done = new Promise<string[]>((resolve) => child.once('close', () => resolve(said.split(' ').slice(0, -1))));
  return { done, first, kill: () => void child.kill('SIGKILL') };
}

test('three processes write at once and lose nothing', { timeout: 300_000 }, async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'firebreak-writers-'));
  try {
    using journal = openJournal(stateDir, realClock);
    const told = (await Promise.all([1, 2, 3].map(() => writer(stateDir, 20).done))).flat();
    assert.equal(told.length, 60);
    assert.deepEqual(
      journal
        .open()
        .map(({ fault }) => String(fault))
        .sort(),
      told.sort(),
    );
    using fresh = openJournal(stateDir, realClock);
    assert.deepEqual([fresh.open().length, fresh.damage()], [60, []]);
  } finally {
    rmSync(stateDir, { recursive: true });
  }
});

test(
  'a writer killed with -9 in the middle loses no row that it was told is on the disk, and damages none',
  { timeout: 60_000 },
  async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'firebreak-killed-'));
    try {
      const told: string[] = [];
      for (let round = 0; round < 6; round++) {
        const one = writer(stateDir, 10_000);
        await one.first;
        one.kill();
        told.push(...(await one.done));
        using journal = openJournal(stateDir, realClock);
        assert.deepEqual(journal.damage(), []);
        const open = new Set(journal.open().map(({ fault }) => String(fault)));
        assert.deepEqual(
          told.filter((fault) => !open.has(fault)),
          [],
        );
      }
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  },
);

for (const kilobytes of [0, 64, 500]) {
  test(`where files cannot grow beyond ${kilobytes} kB the journal refuses clearly and keeps what it has`, async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'firebreak-full-'));
    try {
      const { rows, code, hint } = await fill(stateDir, kilobytes);
      assert.equal(code, 'journal-unwritable');
      assert.match(hint, /Free disk space/);
      assert.ok(kilobytes < 500 ? rows === 0 : rows > 0, `${rows} rows`);
      using journal = openJournal(stateDir, realClock);
      assert.equal(journal.open().length, rows);
    } finally {
      rmSync(stateDir, { recursive: true });
    }
  });
}
