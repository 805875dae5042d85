import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';

/**
 * The growth of the heap over a loop, in a process whose young generation is larger than anything that the loop could
 * allocate, so that no garbage is swept out of the figure. A boxed number for each operation would show as 3.2 MB.
 */
const OPERATIONS = 200_000;
const MEASURE = `
  const [{ Tap }, { createShared, LISTEN, LISTEN_WORD }] = await Promise.all([import('./tap.ts'), import('./shared.ts')]);
  const shared = createShared(1);
  const tap = new Tap(shared, 0, () => {});
  const kept = { last: undefined };
  const growth = (operation) => {
    const rounds = [];
    for (let round = 0; round < 9; round++) {
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < ${OPERATIONS}; i++) operation(i);
      rounds.push(process.memoryUsage().heapUsed - before);
    }
    return rounds.sort((a, b) => a - b)[4];
  };
  const asked = growth(() => (kept.last = tap.on || tap.wantsPassing));
  const silent = kept.last;
  const boxed = growth((i) => (kept.last = { i }));
  new Int32Array(shared.control)[LISTEN_WORD] = LISTEN.all;
  console.log(JSON.stringify({ asked, boxed, silent, listening: tap.on && tap.wantsPassing }));
`;

it('while nobody listens a message costs no allocation', { timeout: 300_000 }, () => {
  const flags = ['--min-semi-space-size=64', '--max-semi-space-size=64', '--disable-warning=ExperimentalWarning'];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', MEASURE], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  const { asked, boxed, silent, listening } = JSON.parse(stdout) as Record<string, number | boolean>;
  assert.deepEqual([silent, listening], [false, true]);
  assert.ok(Number(boxed) >= 16 * OPERATIONS, `a measure that shows ${boxed} bytes for objects proves nothing`);
  assert.ok(Number(asked) < OPERATIONS, `${asked} bytes for ${OPERATIONS} messages`);
});
