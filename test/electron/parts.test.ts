import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { isFirebreakFile, parseArgs } from '../../electron/args.ts';
import { underWayText } from '../../electron/engine-host.ts';
import { noteOf } from '../../electron/note.ts';

/** The parts of the host that need no Electron. */

test('the command line: files by their names, switches left alone', () => {
  const cwd = resolve('/work');
  assert.deepEqual(
    parseArgs(['--demo', 'a.yaml', '--no-sandbox', '/b/c.FIREBREAK', 'notes.txt', '.', '--file=x.yaml'], cwd),
    {
      demo: true,
      files: [join(cwd, 'a.yaml'), resolve('/b/c.FIREBREAK')],
    },
  );
  assert.deepEqual(parseArgs([], cwd), { demo: false, files: [] });
});

test('what counts as a Firebreak file', () => {
  for (const name of ['a.yaml', 'b.YML', 'dir.x/c.firebreak']) assert.equal(isFirebreakFile(name), true, name);
  for (const name of ['yaml', '.yaml', 'a.yaml.exe', 'a', 'a.json', 'firebreak/'])
    assert.equal(isFirebreakFile(name), false, name);
});

test('a notification of HALT claims of each target only what was proven', () => {
  const halted = (...reverted: readonly boolean[]) =>
    noteOf({
      body: {
        kind: 'halt',
        by: 'tray',
        tookMs: 12.4,
        faults: reverted.map((one, index) => ({
          id: `f-${index}`,
          policy: 'slow',
          type: 'http',
          target: 'route own',
          state: one ? 'clean' : 'unconfirmed',
          reverted: one,
          note: '',
        })),
      },
    });
  assert.deepEqual(halted(true, false), {
    title: 'HALT',
    body: 'By tray, after 12 ms: 1 of 2 targets could not be proven clean.',
    urgent: true,
  });
  assert.deepEqual(halted(true, true), {
    title: 'HALT',
    body: 'By tray, after 12 ms: 2 targets, all clean.',
    urgent: false,
  });
  assert.equal(halted()?.body, 'By tray, after 12 ms: nothing was injected.');
  const untold = noteOf({ body: { kind: 'halt', by: 'tray', tookMs: 12 } });
  assert.equal(untold?.body, 'By tray, after 12 ms: the room shows what became of each target.');
});

test('closing the window is asked about for what is active, and for what nobody could prove clean', () => {
  assert.equal(underWayText({ faults: 0, unconfirmed: 0, experiment: '' }), '');
  assert.equal(underWayText({ faults: 0, unconfirmed: 1, experiment: '' }), '1 fault is not proven clean.');
  assert.equal(
    underWayText({ faults: 2, unconfirmed: 0, experiment: 'slow' }),
    'The experiment slow is running; 2 faults are active.',
  );
});
