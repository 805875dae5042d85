import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Toast, makeRoom } from './toasts.ts';

const one = (id: number, tone: Toast['tone']): Toast => ({ id, tone, title: '', text: '' });
const ids = (toasts: readonly Toast[]): number[] => toasts.map(({ id }) => id);

test('what went wrong stays until it is closed: what was said in passing makes way', () => {
  assert.deepEqual(ids(makeRoom([one(1, 'bad'), one(2, 'info'), one(3, 'ok'), one(4, 'warn')])), [1, 2, 3, 4]);
  assert.deepEqual(
    ids(makeRoom([one(1, 'bad'), one(2, 'info'), one(3, 'ok'), one(4, 'warn'), one(5, 'info')])),
    [1, 3, 4, 5],
  );
  assert.deepEqual(
    ids(makeRoom([one(1, 'bad'), one(2, 'bad'), one(3, 'bad'), one(4, 'bad'), one(5, 'info')])),
    [2, 3, 4, 5],
  );
});
