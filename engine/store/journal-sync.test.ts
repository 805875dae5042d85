import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../kernel/clock.ts';
import { openJournal } from './journal.ts';

const STRACE = spawnSync('strace', ['-V']).status === 0;
const SCRIPT = `import { openJournal } from ${JSON.stringify(new URL('./journal.ts', import.meta.url).href)};
  import { realClock } from ${JSON.stringify(new URL('../kernel/clock.ts', import.meta.url).href)};
  import { accessSync } from 'node:fs';
  const journal = openJournal(process.argv[1], realClock);
  const draft = {
    run: 'r', policy: 'p', type: 't', layer: 'host', target: 't', action: 'a', inverse: 'i', reversible: true,
    owner: { pid: 1, started: 's' }, undo: 'x', before: 'b', after: null, note: '',
  };
  for (const fault of ['f-000000000001', 'f-000000000002']) {
    journal.append({ ...draft, fault, step: 'planned' });
    try { accessSync('/appended ' + fault); } catch {}
  }`;

test('a record is on the disk when it was appended: the file, its journal, and the names of both', { skip: !STRACE && 'strace is not installed' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-sync-'));
  try {
    const [state, log] = [join(folder, 'state', 'deep'), join(folder, 'calls')];
    execFileSync('strace', ['-f', '-y', '-e', 'trace=fsync,fdatasync,access,faccessat,faccessat2', '-o', log, process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', SCRIPT, state]);
    // What is synced before each record counts as appended.
    const [first = '', second = ''] = readFileSync(log, 'utf8').split(/.*"\/appended .*/);
    const synced = (text: string): ReadonlySet<string> => new Set([...text.matchAll(/sync\(\d+<([^>]*)>/g)].map(([, path = '']) => path.replace(state, '.').replace(folder, '..')));
    for (const path of ['./journal.db', './journal.db-journal', './journal.log', '.', '../state', '..']) assert.ok(synced(first).has(path), `${path} is made sure of: ${[...synced(first)].join(', ')}`);
    for (const path of ['./journal.db', './journal.db-journal', './journal.log']) assert.ok(synced(second).has(path), `${path} is made sure of again`);
    using journal = openJournal(state, realClock);
    assert.equal(journal.open().length, 2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
