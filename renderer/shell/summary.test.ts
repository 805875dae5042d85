import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Frame } from '../../engine/contract/models.ts';
import { summarise } from './summary.ts';

const frame = (more: Partial<Frame> = {}): Frame => ({
  at: 0,
  run: '',
  phase: null,
  phaseEndsAt: null,
  halted: false,
  faults: [],
  probes: {},
  standing: [],
  impact: [],
  routes: [],
  ...more,
});
const fault = (state: string, target: string): Frame['faults'][number] =>
  ({ state, target }) as Frame['faults'][number];
const NOBODY = { held: 0, left: 0 };

test('nothing is called clean while another process holds a fault on this machine', () => {
  assert.deepEqual(summarise(frame(), NOBODY), { tone: 'ok', word: 'Clean', detail: 'nothing is injected' });
  for (const halted of [false, true]) {
    assert.deepEqual(summarise(frame({ halted }), { held: 1, left: 0 }), {
      tone: 'warn',
      word: 'Under fault',
      detail: '1 fault of another process',
    });
  }
  assert.equal(summarise(frame({ phase: 'baseline' }), { held: 2, left: 0 }).detail, '2 faults of another process');
});

test('the worst comes first', () => {
  const word = (faults: Frame['faults'], elsewhere = NOBODY): string => summarise(frame({ faults }), elsewhere).word;
  assert.equal(word([fault('active', 'a'), fault('unconfirmed', 'b')], { held: 1, left: 1 }), 'Unconfirmed');
  assert.equal(
    summarise(frame({ faults: [fault('active', 'a')] }), { held: 1, left: 1 }).detail,
    '1 fault on 1 target; 1 fault of another process',
  );
  assert.equal(word([fault('reverting', 'a')], { held: 0, left: 1 }), 'Open records');
  assert.equal(word([fault('reverting', 'a')]), 'Reverting');
  assert.equal(word([], { held: 0, left: 1 }), 'Open records');
});

test('without a word of the engine nothing is known', () => {
  assert.equal(summarise(null, { held: 1, left: 1 }).word, 'Not known');
});
