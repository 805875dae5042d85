import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Sample, type StandingReading } from '../../../engine/contract/models.ts';
import { TRAIL, type Trails, checksOf, extend } from './checks.ts';

const sample = (seq: number, figures: Sample['figures'], held: boolean | null): Sample => ({
  seq,
  at: 0,
  probe: 'checkout',
  phase: 'observe',
  ok: true,
  latency: 1,
  error: '',
  figures,
  held,
});
const standing = (name: string, expect: string): StandingReading => ({
  name,
  describe: '',
  expect,
  apdexT: 500,
  satisfied: 0,
  tolerating: 0,
  frustrated: 0,
  sample: null,
});
const expected = [{ name: 'checkout', expect: 'success_rate >= 0.95 && p95 < 1000' }];

test('each part is judged by itself, the whole as the engine judged it, and what was not polled is not known', () => {
  const [run, other, ...rest] = checksOf(expected, { checkout: sample(3, { success_rate: 0.9, p95: 200 }, false) }, [
    standing('front', 'p99 < 5'),
    standing('quiet', ''),
  ]);
  assert.equal(run!.held, false);
  assert.deepEqual(
    run!.parts.map(({ value, held }) => [value, held]),
    [
      [0.9, false],
      [200, true],
    ],
  );
  assert.deepEqual([other!.name, other!.held, other!.seq, other!.parts[0]!.held], ['front', null, 0, null]);
  assert.equal(rest.length, 0);
});

test('a trail grows by one value a poll, keeps its length, and begins anew with another run', () => {
  let trails: Trails = new Map();
  const see = (seq: number, rate: number): void =>
    void (trails = extend(
      trails,
      checksOf(expected, { checkout: sample(seq, { success_rate: rate, p95: null }, true) }, []),
    ));
  for (let seq = 1; seq <= TRAIL + 20; seq++) for (let frames = 0; frames < 3; frames++) see(seq, seq / 1_000);
  const trail = trails.get('run checkout')!;
  assert.equal(trail.parts[0]!.length, TRAIL);
  assert.deepEqual([trail.parts[0]!.at(-1), trail.parts[1]!.at(-1)], [(TRAIL + 20) / 1_000, null]);
  see(1, 0.5);
  assert.deepEqual(trails.get('run checkout')!.parts, [[0.5], [null]]);
  assert.equal(extend(trails, []).size, 0);
});
