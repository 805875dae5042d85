import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FaultReport, type OpenUndo } from '../../engine/contract/models.ts';
import { elsewhere } from './elsewhere.ts';

const record = (id: string, ownerAlive: boolean): OpenUndo => ({
  id,
  ownerAlive,
  run: '',
  policy: id,
  type: 'http',
  target: id,
  inverse: '',
  step: 'applied',
  since: 0,
  note: '',
});
const own = (id: string): FaultReport => ({ id }) as FaultReport;

test('an open record is another’s unless this engine holds the fault', () => {
  const open = [record('mine', true), record('theirs', true), record('orphan', false)];
  const { held, left } = elsewhere({ open, faults: [own('mine')] });
  assert.deepEqual(
    held.map(({ id }) => id),
    ['theirs'],
  );
  assert.deepEqual(
    left.map(({ id }) => id),
    ['orphan'],
  );
});

test('without a status nothing is known of others', () => {
  assert.deepEqual(elsewhere(null), { held: [], left: [] });
});
