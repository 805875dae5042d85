import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PreciseTimer } from './precise-timer.ts';
import { seededStream } from './random.ts';

it('rings in the order of due times, never early, and each alarm once', async () => {
  const timer = new PreciseTimer();
  const dice = seededStream(1);
  const early: number[] = [];
  const rung: number[] = [];
  await new Promise<void>((resolve) => {
    const start = performance.now();
    for (let i = 0; i < 200; i++) {
      const due = start + Math.floor(dice() * 30);
      timer.at(due, () => {
        if (performance.now() < due) early.push(due);
        rung.push(due);
        if (rung.length === 200) resolve();
      });
    }
    assert.equal(timer.size, 200);
  });
  assert.deepEqual(early, []);
  assert.deepEqual(rung, [...rung].sort((a, b) => a - b));
  assert.equal(timer.size, 0);
});

it('a cancelled alarm stays silent, wherever it stood; cancelling twice changes nothing', async () => {
  const timer = new PreciseTimer();
  const dice = seededStream(2);
  const rung = new Set<number>();
  const alarms = Array.from({ length: 100 }, (_, i) => timer.after(dice() * 10, () => rung.add(i)));
  const cancelled = alarms.filter((_, i) => i % 3 === 0);
  for (const alarm of [...cancelled, ...cancelled]) timer.cancel(alarm);
  assert.equal(timer.size, 66);
  await new Promise<void>((resolve) => timer.after(11, resolve));
  assert.equal(rung.size, 66);
  assert.ok([...rung].every((i) => i % 3 !== 0));
});

it('an alarm set from within an alarm rings, also one that is due earlier than all others', async () => {
  const timer = new PreciseTimer();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    timer.after(20, () => {
      order.push('late');
      resolve();
    });
    timer.after(1, () => {
      order.push('first');
      timer.after(0, () => order.push('nested'));
      timer.after(5, () => order.push('between'));
    });
  });
  assert.deepEqual(order, ['first', 'nested', 'between', 'late']);
});

it('does not turn the loop while the next alarm is far away', async () => {
  const timer = new PreciseTimer();
  const alarm = timer.after(60_000, () => {});
  const before = performance.eventLoopUtilization();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { utilization } = performance.eventLoopUtilization(before);
  timer.cancel(alarm);
  assert.ok(utilization < 0.5, `the loop was busy for ${utilization}`);
});
