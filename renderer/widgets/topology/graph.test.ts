import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { faultsByPlace, layOut, pathOf, placeOf, requestRates } from './graph.ts';

const node = (id: string) => ({ id, name: id, kind: 'service' as const, address: '', pid: null, up: true });
const edge = (from: string, to: string) => ({ from, to, route: to, protocol: 'http' as const, connections: 1 });
const SCREEN = { width: 1_200, height: 700 };
/** The topology of the first board on a laptop, in presenter mode. */
const STRIP = { width: 800, height: 245 };
const LAYOUTS = [SCREEN, STRIP, { width: 300, height: 900 }, { width: 0, height: 0 }];
const fanOf = (services: number) => {
  const names = Array.from({ length: services }, (_, i) => `s${i}`);
  return { nodes: ['caller', ...names].map(node), edges: names.map((name) => edge('caller', name)) };
};

test('callers stand left of those they call', () => {
  const { places } = layOut({ nodes: ['a', 'b', 'c'].map(node), edges: [edge('a', 'b'), edge('b', 'c')] }, SCREEN);
  assert.ok(
    (places.get('a')?.x ?? 0) < (places.get('b')?.x ?? 0) && (places.get('b')?.x ?? 0) < (places.get('c')?.x ?? 0),
  );
});

test('no two nodes overlap, whatever the graph and the room for it, circles included', () => {
  const graphs = fc.integer({ min: 1, max: 12 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      edges: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 20 }),
      area: fc.constantFrom(...LAYOUTS),
    }),
  );
  fc.assert(
    fc.property(graphs, ({ size, edges, area }) => {
      const { places, node: box } = layOut(
        {
          nodes: Array.from({ length: size }, (_, i) => node(`n${i}`)),
          edges: edges.map(([a, b]) => edge(`n${a}`, `n${b}`)),
        },
        area,
      );
      assert.equal(places.size, size);
      const all = [...places.values()];
      all.forEach((a, i) =>
        all
          .slice(i + 1)
          .forEach((b) =>
            assert.ok(
              Math.abs(a.x - b.x) >= box.width - 1 || Math.abs(a.y - b.y) >= box.height - 1,
              JSON.stringify([a, b]),
            ),
          ),
      );
    }),
    { numRuns: 100, seed: 1 },
  );
});

test('twelve routes are as large as their names can be read in a strip, and with their figures on a whole screen', () => {
  const scaleIn = (area: typeof STRIP) => {
    const { places, node: box, small } = layOut(fanOf(12), area);
    const all = [...places.values()];
    const width = Math.max(...all.map(({ x }) => x)) + box.width;
    const height = Math.max(...all.map(({ y }) => y)) - Math.min(...all.map(({ y }) => y)) + box.height;
    return { small, scale: Math.min(area.width / width, area.height / height) };
  };
  const strip = scaleIn(STRIP);
  assert.ok(strip.small && strip.scale > 0.85, JSON.stringify(strip));
  const screen = scaleIn(SCREEN);
  assert.ok(!screen.small && screen.scale > 1, JSON.stringify(screen));
});

test('who calls on stands in the last of the columns that its group was broken into', () => {
  const fan = fanOf(12);
  const second = fan.edges.map(({ to }) => to);
  for (const caller of second.slice(0, 3)) {
    const graph = { nodes: [...fan.nodes, node('far')], edges: [...fan.edges, edge(caller, 'far')] };
    const { places } = layOut(graph, STRIP);
    const columns = second.map((id) => places.get(id)?.column ?? 0);
    assert.ok(Math.max(...columns) > 0);
    assert.equal(places.get(caller)?.column, Math.max(...columns), caller);
  }
});

test('five in a row need no wrapping', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const chain = { nodes: names.map(node), edges: names.slice(1).map((name, i) => edge(names[i] as string, name)) };
  const { places, small } = layOut(chain, STRIP);
  assert.equal(small, false);
  assert.equal(new Set([...places.values()].map(({ y }) => y)).size, 1);
});

test('a way ends where it is called, also past other columns and back', () => {
  const box = { width: 150, height: 70 };
  const [from, to] = [
    { x: 10, y: 20 },
    { x: 500, y: 300 },
  ];
  for (const column of [0, 1, 3]) assert.match(pathOf(from, { ...to, column }, box), /^M10,20 C.* 500,300$/);
  assert.match(pathOf(to, { ...from, column: 0 }, box), /^M500,300 C.* 10,20$/);
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
