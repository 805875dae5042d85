import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FaultReport } from '../../engine/contract/models.ts';
import { aftermath } from './aftermath.ts';

const fault = (id: string): FaultReport =>
  ({ id, policy: `policy ${id}`, target: `route ${id}`, state: 'active' }) as FaultReport;

test('what a dead engine held is put back only where the undo journal has closed it', () => {
  assert.deepEqual(aftermath([fault('a'), fault('b')], new Set(['b'])), {
    text: 'Put back since, says the undo journal: policy a on route a. Not proven put back: policy b on route b; see Machine.',
    clean: false,
  });
  assert.deepEqual(aftermath([fault('a')], new Set(['other'])), {
    text: 'Put back since, says the undo journal: policy a on route a.',
    clean: true,
  });
  assert.deepEqual(
    aftermath([fault('a')], undefined),
    { text: 'Not proven put back: policy a on route a; see Machine.', clean: false },
    'a damaged journal proves nothing',
  );
});

test('nothing held is nothing to tell; of many the first are named', () => {
  assert.deepEqual(aftermath([], new Set()), { text: '', clean: true });
  const { text } = aftermath(
    Array.from({ length: 200 }, (_, index) => fault(`${index}`)),
    new Set(),
  );
  assert.match(text, /policy 4 on route 4, 195 more\.$/);
});
