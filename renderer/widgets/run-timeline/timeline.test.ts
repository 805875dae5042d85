import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Sample } from '../../../engine/contract/models.ts';
import { type Span, gaugeOf, marksOf, nearest, segmentsOf } from './timeline.ts';

const live: Span = {
  startedAt: 1_000,
  endedAt: null,
  phases: [
    { name: 'baseline', start: 1_000, end: 3_000 },
    { name: 'observe', start: 3_000, end: null },
  ],
  phaseEndsAt: 11_000,
};

test('the phase under way is as long as it will be, and filled as far as it has come', () => {
  const [baseline, observe] = segmentsOf(live, 5_000);
  assert.deepEqual([baseline!.from, baseline!.share, baseline!.passed, baseline!.current], [0, 0.2, 1, false]);
  assert.deepEqual([observe!.from, observe!.share, observe!.passed, observe!.current], [0.2, 0.8, 0.25, true]);
});

test('a run that has ended fills its band; one that has just begun has no negative lengths', () => {
  const over = segmentsOf(
    {
      ...live,
      endedAt: 5_000,
      phaseEndsAt: null,
      phases: [live.phases[0]!, { name: 'observe', start: 3_000, end: 5_000 }],
    },
    99_000,
  );
  assert.deepEqual(
    over.map(({ share, current }) => [share, current]),
    [
      [0.5, false],
      [0.5, false],
    ],
  );
  const young = segmentsOf(
    { ...live, phases: [{ name: 'steady-state', start: 1_000, end: null }], phaseEndsAt: null },
    500,
  );
  assert.ok(young.every(({ share, passed }) => share >= 0 && passed >= 0 && passed <= 1));
});

test('marks are what the room must see, where it happened', () => {
  const entry = (seq: number, at: number, kind: string, text: string) => ({ seq, at, kind, text });
  const timeline = [
    entry(1, 1_000, 'run-started', 'the run begins'),
    entry(2, 3_000, 'fault', 'slow: injecting (t)'),
    entry(3, 3_500, 'fault', 'slow: active (t)'),
    entry(4, 6_000, 'breach', 'x'),
    entry(5, 6_100, 'fault', 'slow: clean (t)'),
    entry(6, 6_200, 'fault', 'slow: unconfirmed (t)'),
    entry(7, 7_000, 'halt', 'HALT by me'),
  ];
  const marks = marksOf(timeline, live, 5_000);
  assert.deepEqual(
    marks.map(({ seq, tone }) => [seq, tone]),
    [
      [3, 'warn'],
      [4, 'bad'],
      [5, 'ok'],
      [6, 'bad'],
      [7, 'bad'],
    ],
  );
  assert.equal(marks[0]!.where, 0.25);
});

test('the abort line tells the probe that is nearest to it', () => {
  const sample = (probe: string, rate: number | null): Sample => ({
    seq: 1,
    at: 0,
    probe,
    phase: 'observe',
    ok: true,
    latency: 1,
    error: '',
    figures: { success_rate: rate },
    held: true,
  });
  const newest = { a: sample('a', 1), b: sample('b', 0.97), c: sample('c', null) };
  const found = nearest('success_rate < 0.95', newest)!;
  assert.equal(found.probe, 'b');
  assert.ok(Math.abs(found.away - 0.02) < 1e-9);
  assert.deepEqual(gaugeOf(found), { value: 0.97, limit: 0.95 });
  assert.ok(nearest('success_rate < 0.95', { b: sample('b', 0.9) })!.away < 0);
  assert.equal(nearest('success_rate < 0.95 || p99 > 3', newest), undefined);
  assert.equal(nearest('success_rate < 0.95', {}), undefined);
});
