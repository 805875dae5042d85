import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { realClock } from '../kernel/clock.ts';
import { openJournal } from './journal.ts';

const JOURNAL = JSON.stringify(fileURLToPath(new URL('./journal.ts', import.meta.url)));
const CLOCK = JSON.stringify(fileURLToPath(new URL('../kernel/clock.ts', import.meta.url)));
/** Adds rows of 40 kB until it is refused; prints how many there are, and the error. */
const SCRIPT = `import { openJournal } from ${JOURNAL};
  import { realClock } from ${CLOCK};
  let rows = 0;
  try {
    const journal = openJournal(process.argv[1], realClock);
    for (; rows < 100; rows++) {
      const fault = 'f-' + String(rows).padStart(12, '0');
      journal.append({ step: 'planned', fault, run: 'r', policy: 'p', type: 't', layer: 'host', target: 't', action: 'a', inverse: 'i',
        reversible: true, owner: { pid: 1, started: 's' }, undo: 'x'.repeat(40_000), before: 'b', after: null, note: '' });
    }
  } catch (error) {
    process.stdout.write(JSON.stringify({ rows, code: error.code, hint: error.hint }));
  }`;

/** Runs the script where no file may grow beyond `kilobytes`: the system refuses the write as on a full disk. */
function fill(stateDir: string, kilobytes: number): Promise<{ rows: number; code: string; hint: string }> {
  const command = `ulimit -f ${kilobytes}; exec "$0" --disable-warning=ExperimentalWarning --input-type=module -e "$1" "$2"`;
  return new Promise((resolve, reject) => {
    execFile('bash', ['-c', command, process.execPath, SCRIPT, stateDir], { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null && stdout !== '') resolve(JSON.parse(stdout) as { rows: number; code: string; hint: string });
      else reject(new Error(`${String(error)} ${stderr}`));
    });
  });
}

for (const kilobytes of [0, 64, 500]) {
  test(`where files cannot grow beyond ${kilobytes} kB the journal refuses clearly, and keeps what it has taken`, async () => {
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
