import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Route } from './contract/models.ts';
import { type Topology } from './contract/room.ts';
import { type Caller, type Program, type Service } from './host/connections.ts';
import { REMEMBERED_MS, type Seen, TopologyGraph } from './topology.ts';
import { waysOf } from './topology-watch.ts';

const OWN = 1;
const route = (name: string, listen: number, upstream: number): Route => ({
  name, protocol: 'http', listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${upstream}`,
});
const from = (...pids: number[]): Caller => ({ host: '127.0.0.1', port: 50_000 + (pids[0] ?? 0), local: true, pids });
const by = (...pids: number[]): Service => ({ up: true, pids });
const program = (pid: number, name: string, ppid = 99): [number, Program] => [pid, { pid, ppid, name }];

interface Scene {
  readonly routes: readonly Route[];
  readonly callers?: readonly (readonly Caller[])[];
  readonly services?: readonly Service[];
  readonly programs?: readonly [number, Program][];
  readonly now?: number;
  readonly probePorts?: readonly number[];
  readonly active?: number;
  readonly limits?: string;
}
function seen({ routes, callers, services, programs = [], now = 0, probePorts = [], active = 0, limits = '' }: Scene): Seen {
  return {
    at: 1, now, pid: OWN, probePorts: new Set(probePorts),
    routes: routes.map((one) => ({ route: one, active })),
    sighting: { callers: callers ?? routes.map(() => []), services: services ?? routes.map(() => by()), programs: new Map(programs), limits },
  };
}
const draw = (scene: Scene, graph = new TopologyGraph()): Topology => graph.draw(seen(scene));
function arrows({ nodes, edges }: Topology): string[] {
  const called = new Map(nodes.map(({ id, name, kind }) => [id, kind === 'service' ? name : `${name} (${kind})`]));
  return edges.map((edge) => `${called.get(edge.from)} -${edge.connections}-> ${called.get(edge.to)}`);
}
const SHOP = [route('front', 7001, 8001), route('orders', 7002, 8002)];

test('who listens at an upstream is that service; anybody else is a client, by name, connections added up', () => {
  const topology = draw({
    routes: SHOP,
    callers: [[from(30), from(31), from(30)], [from(21)]],
    services: [by(21), by(22)],
    programs: [program(30, 'load'), program(31, 'load'), program(21, 'node'), program(22, 'node')],
  });
  assert.deepEqual(arrows(topology), ['load (client) -3-> front', 'front -1-> orders']);
  assert.deepEqual(topology.nodes.map(({ name, pid }) => [name, pid]), [['front', 21], ['orders', 22], ['load', null]]);
  assert.deepEqual(topology.edges.map((edge) => edge.route), ['front', 'orders']);
});

test('a route with several upstreams by name leads its callers to each, and each bears its names', () => {
  const upstreamsByName = { 'api.example': '127.0.0.1:8002', '*.a.example': '127.0.0.1:8003', 'b.example': '127.0.0.1:8003', 'c.example': '127.0.0.1:8001' };
  const ways = waysOf({ ...route('edge', 7001, 8001), upstreamsByName });
  const { sighting, ...rest } = seen({ routes: ways.map((way) => way.route), callers: ways.map(() => [from(30)]), programs: [program(30, 'load')] });
  const topology = new TopologyGraph().draw({ ...rest, sighting, routes: ways.map((way) => ({ ...way, active: 1 })) });
  assert.deepEqual(arrows(topology), ['load (client) -1-> edge', 'load (client) -1-> api.example', 'load (client) -1-> *.a.example, b.example']);
  assert.deepEqual(new Set(topology.edges.map((edge) => edge.route)), new Set(['edge']));
});

test('a worker counts as the service whose parent of the same name listens for it; a child of another name does not', () => {
  const scene: Scene = {
    routes: SHOP,
    callers: [[], [from(40), from(41)]],
    services: [by(21), by(22)],
    programs: [program(40, 'front', 21), program(41, 'curl', 21), program(21, 'front'), program(22, 'orders')],
  };
  assert.deepEqual(arrows(draw(scene)).slice(1), ['front -1-> orders', 'curl (client) -1-> orders']);
  const forked = draw({ ...scene, callers: [[], [from(43)]], services: [by(21, 42, 43), by(22)], programs: [program(42, 'w', 21), program(43, 'w', 21)] });
  assert.deepEqual(arrows(forked).slice(1), ['front -1-> orders']);
  assert.equal(forked.nodes[0]?.pid, 21, 'the one that started the others');
});

test('the probes of the engine stand apart from the wire, which stands for the service that a route before leads to', () => {
  const chain = [route('edge', 7001, 7002), route('orders', 7002, 8002)];
  const probe = { ...from(OWN), port: 60_001 };
  const topology = draw({ routes: chain, callers: [[from(30)], [from(OWN), probe]], services: [by(OWN), by(22)], programs: [program(30, 'load')], probePorts: [60_001] });
  assert.deepEqual(arrows(topology), ['load (client) -1-> edge', 'edge -1-> orders', 'probes (client) -1-> orders']);
  // Anything else of the engine's own is called by its name, and not kept in mind.
  const graph = new TopologyGraph();
  assert.deepEqual(arrows(draw({ routes: SHOP, callers: [[from(OWN)], []] }, graph))[0], 'firebreak (client) -1-> front');
  assert.deepEqual(arrows(draw({ routes: SHOP }, graph))[0], 'no caller seen (unknown) -0-> front');
});

test('two routes to one upstream lead to one service, which bears its address', () => {
  const topology = draw({ routes: [route('read', 7001, 8001), route('write', 7002, 8001)], services: [by(21), by(21)] });
  assert.deepEqual(topology.nodes.filter(({ kind }) => kind === 'service').map(({ name }) => name), ['127.0.0.1:8001']);
  assert.deepEqual(topology.edges.map((edge) => [edge.route, edge.to]), [['read', 'service:127.0.0.1:8001'], ['write', 'service:127.0.0.1:8001']]);
});

test('a service keeps its edge while it is not connected, a client for a minute, and nothing outlives its route', () => {
  const graph = new TopologyGraph();
  const base: Scene = { routes: SHOP, services: [by(21), by(22)], programs: [program(30, 'load'), program(21, 'front')] };
  draw({ ...base, callers: [[from(30)], [from(21)]] }, graph);
  assert.deepEqual(arrows(draw({ ...base, now: REMEMBERED_MS - 1 }, graph)), ['load (client) -0-> front', 'front -0-> orders']);
  assert.deepEqual(arrows(draw({ ...base, now: REMEMBERED_MS }, graph)), ['no caller seen (unknown) -0-> front', 'front -0-> orders']);
  draw({ routes: SHOP.slice(0, 1), now: REMEMBERED_MS }, graph);
  assert.deepEqual(arrows(draw({ ...base, now: REMEMBERED_MS }, graph))[1], 'no caller seen (unknown) -0-> orders');
});

test('what cannot be told is said, and nothing is called up or down that was not seen to be', () => {
  const topology = draw({
    routes: SHOP,
    callers: [[{ host: '10.0.0.7', port: 1, local: false, pids: [] }, from()], []],
    services: [{ up: null, pids: [] }, { up: false, pids: [] }],
    limits: 'some callers belong to other users',
  });
  assert.deepEqual(arrows(topology), ['10.0.0.7 (unknown) -1-> front', 'unknown program (unknown) -1-> front', 'no caller seen (unknown) -0-> orders']);
  assert.deepEqual(topology.nodes.slice(0, 2).map(({ name, up }) => [name, up]), [['front', null], ['orders', false]]);
  assert.equal(topology.limits, 'Some callers belong to other users; whether front is up cannot be seen from here.');
  // Where no callers can be seen at all, the wire still counts the connections.
  assert.deepEqual(arrows(draw({ routes: SHOP.slice(0, 1), active: 3 })), ['unknown caller (unknown) -3-> front']);
});
