import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differenceOf, upstreamsOf } from './words.ts';

test('where a route leads is told in one line, each name with its upstream', () => {
  const route = { name: 'r', protocol: 'tcp', listen: 'h:1', upstream: 'h:2' } as const;
  const upstreamsByName = { 'api.example': 'h:3', '*.shop.example': 'h:4' };
  assert.equal(upstreamsOf(route), 'h:2');
  assert.equal(upstreamsOf({ ...route, upstreamsByName }), 'api.example: h:3, *.shop.example: h:4, others: h:2');
  assert.match(upstreamsOf({ ...route, upstreamsByName, refuseOtherNames: true }), /, no TLS: h:2, other names refused$/);
});

test('a route of the same name that does something else with its traffic is told apart, wherever it listens', () => {
  const route = { name: 'r', protocol: 'http', listen: 'h:1', upstream: 'h:2', terminateTls: true, upstreamsByName: { a: 'h:3', b: 'h:4' } } as const;
  assert.equal(differenceOf(route, { ...route, listen: 'h:9', upstreamTls: false, upstreamName: undefined, upstreamCa: '', certificateNames: [], upstreamsByName: { b: 'h:4', a: 'h:3' } }), '');
  assert.equal(differenceOf(route, { ...route, protocol: 'tcp' }), 'as http instead of tcp');
  assert.equal(differenceOf(route, { ...route, upstream: 'h:5' }), 'to h:2 instead of h:5');
  assert.equal(differenceOf(route, { ...route, certificateNames: ['a.example'] }), 'with other fields of TLS');
});
