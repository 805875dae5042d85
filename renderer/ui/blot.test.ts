import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blotHosts } from './blot.ts';

test('hosts in a sentence are blotted out, the rest stays', () => {
  assert.equal(
    blotHosts('GET http://10.0.0.7:80/a?b failed: connect ECONNREFUSED 10.0.0.7:80'),
    'GET •••••••••••• failed: connect ECONNREFUSED •••••••••••',
  );
  assert.equal(blotHosts('route payments /charge*'), 'route payments /charge*');
  assert.equal(
    blotHosts('GET route://storefront/checkout, 95.1 % of 20'),
    'GET route://storefront/checkout, 95.1 % of 20',
  );
  assert.equal(
    blotHosts('db.prod.example:5432 and [::1]:80 and localhost:9'),
    '•••••••••••• and •••••••• and •••••••••••',
  );
  assert.equal(blotHosts('/shop.Orders/Place'), '/shop.Orders/Place');
  assert.equal(blotHosts('calls of //db.prod.example/x'), 'calls of //••••••••••••/x');
  assert.equal(blotHosts('process 4711 (worker)'), 'process 4711 (worker)');
});
