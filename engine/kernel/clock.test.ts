import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { realClock } from './clock.ts';

const DAY = 86_400_000;

/** What Node's timers cannot wait for ends at once: every fault held for a month would end as it begins. */
describe('the machine’s own clock', () => {
  test('waits for longer than a timer of Node can', async () => {
    let rung = false;
    using _alarm = realClock.after(60 * DAY, () => (rung = true));
    const over = new AbortController();
    const slept = realClock.sleep(60 * DAY, over.signal).then(() => 'slept', () => 'called off');
    await realClock.sleep(50);
    over.abort();
    assert.deepEqual([rung, await slept], [false, 'called off']);
  });

  test('rings once, when the whole of a long time is over, and not when called off on the way', ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const rung: string[] = [];
    realClock.after(60 * DAY, () => rung.push('kept'));
    const off = realClock.after(60 * DAY, () => rung.push('called off'));
    for (let day = 0; day < 59; day++) mock.timers.tick(DAY);
    assert.deepEqual(rung, []);
    off[Symbol.dispose]();
    for (let day = 0; day < 5; day++) mock.timers.tick(DAY);
    assert.deepEqual(rung, ['kept']);
  });
});
