import assert from 'node:assert/strict';
import { test } from 'node:test';
import { upstreamsOf } from './words.ts';

test('where a route leads is told in one line, each name with its upstream', () => {
  const route = { name: 'r', protocol: 'tcp', listen: 'h:1', upstream: 'h:2' } as const;
  const upstreamsByName = { 'api.example': 'h:3', '*.shop.example': 'h:4' };
  assert.equal(upstreamsOf(route), 'h:2');
  assert.equal(upstreamsOf({ ...route, upstreamsByName }), 'api.example: h:3, *.shop.example: h:4, others: h:2');
  assert.match(upstreamsOf({ ...route, upstreamsByName, refuseOtherNames: true }), /, no TLS: h:2, other names refused$/);
});
