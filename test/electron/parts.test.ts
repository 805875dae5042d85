import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { isFirebreakFile, parseArgs } from '../../electron/args.ts';

/** The parts of the host that need no Electron. */

test('the command line: files by their names, switches left alone', () => {
  const cwd = resolve('/work');
  assert.deepEqual(parseArgs(['--demo', 'a.yaml', '--no-sandbox', '/b/c.FIREBREAK', 'notes.txt', '.', '--file=x.yaml'], cwd), {
    demo: true,
    files: [join(cwd, 'a.yaml'), resolve('/b/c.FIREBREAK')],
  });
  assert.deepEqual(parseArgs([], cwd), { demo: false, files: [] });
});

test('what counts as a Firebreak file', () => {
  for (const name of ['a.yaml', 'b.YML', 'dir.x/c.firebreak']) assert.equal(isFirebreakFile(name), true, name);
  for (const name of ['yaml', '.yaml', 'a.yaml.exe', 'a', 'a.json', 'firebreak/']) assert.equal(isFirebreakFile(name), false, name);
});
