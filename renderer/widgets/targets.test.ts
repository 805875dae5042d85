import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partsOf, shortOf } from './targets.ts';

test('a target on a route has the route and what it takes there', () => {
  assert.deepEqual(partsOf('route cache get session:*'), { route: 'cache', what: 'get session:*' });
  assert.deepEqual(partsOf('route store INSERT INTO\norders'), { route: 'store', what: 'INSERT INTO\norders' });
  assert.equal(shortOf('route cache get session:*'), 'cache get session:*');
});

test('any other target is left as it is', () => {
  for (const target of ['process 4711 (worker)', 'host/system', 'route bus', 'routes a, b all', '']) {
    assert.deepEqual(partsOf(target), { route: '', what: target });
    assert.equal(shortOf(target), target);
  }
});
