import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EngineEvent, type EventBody } from '../../engine/contract/models.ts';
import { type RunStory, cutOff, fold, limitOf } from './run-fold.ts';

const at = 1_000_000;
const tell = (bodies: readonly (readonly [number, EventBody])[], run = 'r-1'): RunStory | undefined =>
  bodies.reduce<RunStory | undefined>(
    (story, [time, body], index) => fold(story, { seq: index + 1, at: at + time, run, body } as EngineEvent),
    undefined,
  );

const START: EventBody = {
  kind: 'run-started',
  name: 'slow',
  hypothesis: 'it holds',
  duration: 1_000,
  checks: [{ name: 'checkout', expect: 'p95 < 800' }],
  abort: { when: 'success_rate < 0.95', forMs: 3_000 },
};
const polled = (time: number, p50: number): EventBody => ({
  kind: 'sample',
  sample: {
    seq: 1,
    at: at + time,
    probe: 'checkout',
    phase: 'observe',
    ok: true,
    latency: p50,
    error: '',
    figures: { p50, success_rate: 1 },
    held: true,
  },
});

test('a run under way is told as far as it has come', () => {
  const story = tell([
    [0, START],
    [10, { kind: 'phase', name: 'baseline', edge: 'start', until: at + 500 }],
    [500, { kind: 'phase', name: 'baseline', edge: 'end', until: null }],
    [510, { kind: 'phase', name: 'observe', edge: 'start', until: at + 9_000 }],
    [600, polled(600, 10)],
    [700, polled(700, 20)],
    [1_700, polled(1_700, 30)],
  ]);
  assert.deepEqual(story?.phases, [
    { name: 'baseline', start: at + 10, end: at + 500 },
    { name: 'observe', start: at + 510, end: null },
  ]);
  assert.equal(story?.phaseEndsAt, at + 9_000);
  assert.deepEqual(
    story?.series.map(({ probes }) => probes['checkout']?.p50),
    [20, 30],
    'one point a second, the newest of each',
  );
  assert.equal(story?.newest['checkout']?.figures['p50'], 30);
  assert.equal(story?.verdict, null);
});

test('the end is told with its verdict, and events of another run change nothing', () => {
  const before = tell([[0, START]]);
  const other = fold(before, {
    seq: 9,
    at,
    run: 'r-2',
    body: { kind: 'run-ended', verdict: 'held', exitCode: 0, reason: '', reverted: true },
  });
  assert.equal(other, before);
  const ended = tell([
    [0, START],
    [90, { kind: 'run-ended', verdict: 'aborted', exitCode: 3, reason: 'the limit was passed', reverted: true }],
  ]);
  assert.deepEqual(
    [ended?.verdict, ended?.reason, ended?.reverted, ended?.endedAt],
    ['aborted', 'the limit was passed', true, at + 90],
  );
});

test('the limit of a simple condition is read, that of a longer one is left alone', () => {
  assert.deepEqual(limitOf('success_rate < 0.95'), { figure: 'success_rate', operator: '<', limit: 0.95 });
  assert.deepEqual(limitOf(' p99>=800 '), { figure: 'p99', operator: '>=', limit: 800 });
  assert.equal(limitOf('success_rate < 0.95 || p99 > 800'), undefined);
});

test('a run whose engine died has an end, no verdict, and claims only what the undo journal says', () => {
  const fault = (id: string): EventBody =>
    ({
      kind: 'fault',
      fault: { id, policy: id, target: 'route own', state: 'active', reverted: false, leaseUntil: at + 9_000 },
    }) as unknown as EventBody;
  const story = tell([
    [0, START],
    [510, { kind: 'phase', name: 'observe', edge: 'start', until: at + 9_000 }],
    [520, fault('f-1')],
    [530, fault('f-2')],
  ]);
  assert.ok(story !== undefined);
  const over = cutOff(story, new Set(['f-2']));
  assert.deepEqual([over.endedAt, over.verdict, over.phaseEndsAt, over.reverted], [at + 530, null, null, false]);
  assert.deepEqual(
    over.faults.map(({ id, state, reverted, leaseUntil }) => [id, state, reverted, leaseUntil]),
    [
      ['f-1', 'clean', true, null],
      ['f-2', 'unconfirmed', false, null],
    ],
  );
  assert.deepEqual(over.phases, [{ name: 'observe', start: at + 510, end: at + 530 }]);
  assert.equal(cutOff(story, new Set()).reverted, true);
  const untold = cutOff(story, undefined);
  assert.deepEqual(
    [untold.reverted, untold.faults.map(({ state }) => state)],
    [false, ['unconfirmed', 'unconfirmed']],
    'a damaged journal proves nothing',
  );
});
