import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NODE, faultsByPlace, layOut, placeOf, requestRates } from './graph.ts';

const node = (id: string) => ({ id, name: id, kind: 'service' as const, address: '', pid: null, up: true });
const edge = (from: string, to: string) => ({ from, to, route: to, connections: 1 });

test('callers stand left of those they call', () => {
  const places = layOut({ nodes: ['a', 'b', 'c'].map(node), edges: [edge('a', 'b'), edge('b', 'c')] });
  assert.ok(
    (places.get('a')?.x ?? 0) < (places.get('b')?.x ?? 0) && (places.get('b')?.x ?? 0) < (places.get('c')?.x ?? 0),
  );
});

test('no two nodes overlap, whatever the graph, circles included', () => {
  const graphs = fc.integer({ min: 1, max: 12 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      edges: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 20 }),
    }),
  );
  fc.assert(
    fc.property(graphs, ({ size, edges }) => {
      const places = [
        ...layOut({
          nodes: Array.from({ length: size }, (_, i) => node(`n${i}`)),
          edges: edges.map(([a, b]) => edge(`n${a}`, `n${b}`)),
        }).values(),
      ];
      places.forEach((a, i) =>
        places
          .slice(i + 1)
          .forEach((b) =>
            assert.ok(
              Math.abs(a.x - b.x) >= NODE.width - 1 || Math.abs(a.y - b.y) >= NODE.height - 1,
              `${JSON.stringify([a, b])}`,
            ),
          ),
      );
    }),
    { numRuns: 60, seed: 1 },
  );
});

test('a fault is on the route or the process that its target names', () => {
  assert.deepEqual(placeOf({ target: 'route payments /charge*' }), { route: 'payments' });
  assert.deepEqual(placeOf({ target: 'process 4711 (worker)' }), { pid: 4711 });
  assert.deepEqual(placeOf({ target: 'this machine' }), {});
});

test('what is clean is not lit', () => {
  const fault = (state: string) =>
    ({ state, target: 'route payments all' }) as Parameters<typeof faultsByPlace>[0][number];
  assert.equal(faultsByPlace([fault('clean'), fault('planned')]).routes.size, 0);
  assert.equal(faultsByPlace([fault('active'), fault('unconfirmed')]).routes.get('payments')?.length, 2);
});

test('rates come from the last seconds, and from nothing when nothing is known', () => {
  const at = (second: number, requests: number) => ({
    at: second * 1_000,
    impact: new Map(),
    routes: new Map([['a', { requests, faults: 0 }]]),
  });
  assert.equal(requestRates([]).size, 0);
  assert.equal(requestRates([at(0, 0), at(1, 10), at(2, 30)]).get('a'), 15);
  assert.equal(requestRates([at(0, 50), at(1, 0)]).get('a'), 0, 'another engine counts from zero');
});
