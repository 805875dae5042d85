import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { faultRequest } from '../../../test/support/fault-life.ts';
import { type NetCapabilities } from '../../host/net-capabilities.ts';
import { protectedPorts } from '../../host/net-room.ts';
import { lanesOf, refuseUnsafe, type Scene } from './guard.ts';
import { networkManifest, type NetworkParams } from './manifest.ts';
import { takesTcp } from './packets.ts';
import { planNetwork } from './plan.ts';
import { parseCidrs, parsePorts } from './selection.ts';
import { makeWorld, noWorld } from './test-world.ts';

const ALL: NetCapabilities = { netem: '', shaping: '', redirect: '', rules: '', egressHook: '', duplicates: '', reader: '' };
const code = (expected: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === expected;
const read = <Read extends object>(result: Read | { readonly error: string }): Read => ('error' in result ? assert.fail(String(result.error)) : result);

function scene(fields: Record<string, unknown>, over: Partial<Scene> = {}): Scene {
  const asked = networkManifest.params.parse(fields);
  const link = { index: 2, name: 'eth0', loopback: false, up: true };
  return { asked, networks: read(parseCidrs(asked.cidr)), ports: read(parsePorts(asked.port)), link, own: true, onDefaultRoute: true, ...over };
}
const lo = { link: { index: 1, name: 'lo', loopback: true, up: true }, onDefaultRoute: false };

test('the whole loopback interface is refused, what is narrow enough is not', { skip: process.platform !== 'linux' }, () => {
  for (const fields of [{ loss: 0.1 }, { loss: 0.1, cidr: '127.0.0.0/8' }, { rate: '1mbit', cidr: '::/0' }, { loss: 0.1, protocol: 'tcp' }]) {
    assert.throws(() => refuseUnsafe(scene(fields, lo)), code('whole-interface'), JSON.stringify(fields));
    refuseUnsafe(scene({ ...fields, allowWhole: true }, lo));
    refuseUnsafe(scene(fields, { ...lo, own: false }));
  }
  for (const fields of [{ loss: 0.1, cidr: '127.0.0.5' }, { loss: 0.1, protocol: 'icmp' }, { loss: 0.1, port: '54321' }]) refuseUnsafe(scene(fields, lo));
});

test('cutting the whole interface of the default route is refused, slowing it or a part is not', { skip: process.platform !== 'linux' }, () => {
  for (const fields of [{ partition: 'drop' }, { loss: 0.5 }, { partition: 'reject', cidr: '0.0.0.0/0' }]) {
    assert.throws(() => refuseUnsafe(scene(fields)), code('whole-interface'), JSON.stringify(fields));
    refuseUnsafe(scene({ ...fields, allowWhole: true }));
    refuseUnsafe(scene(fields, { onDefaultRoute: false }));
  }
  for (const fields of [{ rate: '1mbit' }, { loss: 0.1 }, { partition: 'drop', cidr: '10.0.0.0/8' }, { partition: 'drop', port: 5432 }]) refuseUnsafe(scene(fields));
});

test('SSH and the ports of this room are never struck: named they are refused, among others they are spared', { skip: process.platform !== 'linux' }, async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const own = typeof address === 'object' ? (address?.port ?? 0) : 0;
  try {
    assert.match(protectedPorts().find(({ port }) => port === own)?.reason ?? '', /this very Firebreak listens/);
    for (const port of [22, '20-30', own]) assert.throws(() => refuseUnsafe(scene({ loss: 0.1, port }, lo)), code('protected-target'));
    refuseUnsafe(scene({ loss: 0.1, port: 22, protocol: 'udp' }));
    const spared = lanesOf(scene({ rate: '1mbit' }), ALL).lanes[0]?.spared ?? [];
    for (const port of [22, own]) assert.equal(spared.filter(({ sourcePort, destinationPort }) => (sourcePort ?? destinationPort)?.from === port).length, 4, `${port}`);
    assert.deepEqual(lanesOf(scene({ rate: '1mbit', port: 80 }), ALL).lanes[0]?.spared, []);
    process.env['SSH_CONNECTION'] = '192.0.2.1 50000 192.0.2.2 2222';
    assert.throws(() => refuseUnsafe(scene({ loss: 0.1, port: 2222 })), code('protected-target'));
  } finally {
    delete process.env['SSH_CONNECTION'];
    await new Promise((resolve) => server.close(resolve));
  }
});

test('over the loopback one round trip is struck once, or twice when both ways are asked for', { skip: process.platform !== 'linux' }, () => {
  const cells = (direction: string) => lanesOf(scene({ loss: 0.1, port: 80, protocol: 'tcp', direction }, lo), ALL).lanes.map(({ hook, cells: found }) => [hook, found.map(({ sourcePort }) => sourcePort !== undefined)]);
  assert.deepEqual(cells('auto'), [['egress', [false, false]]]);
  assert.deepEqual(cells('both'), [['egress', [false, false, true, true]]]);
});

test('where a program holds the packets of TCP, what arrives is struck unless it is said otherwise', { skip: process.platform !== 'linux' }, () => {
  const at = (fields: Record<string, unknown>, over: Partial<Scene> = {}) => lanesOf(scene({ port: 80, ...fields }, over), { ...ALL, netem: 'N' }).lanes.map(({ hook, reader }) => [hook, reader?.at]);
  assert.deepEqual(at({ latency: '1s' }), [['egress', 'postrouting'], ['ingress', 'prerouting']]);
  assert.deepEqual(at({ latency: '1s', protocol: 'tcp' }), [['ingress', 'prerouting']]);
  const [leaving, arriving] = lanesOf(scene({ latency: '1s' }), { ...ALL, netem: 'N' }).lanes;
  assert.ok(leaving && arriving && !takesTcp(leaving) && takesTcp(arriving));
  assert.deepEqual(lanesOf(scene({ latency: '1s', port: 80 }), { ...ALL, netem: 'N' }).lanes.map(({ cells }) => [...new Set(cells.map(({ protocol }) => protocol))]), [[17], [6]]);
  assert.deepEqual(at({ latency: '1s' }, lo), [['egress', 'prerouting']]);
  for (const fields of [{ latency: '1s', direction: 'egress' }, { latency: '1s', protocol: 'udp' }, { corruption: 0.1 }]) assert.deepEqual(at(fields), [['egress', 'postrouting']]);
  assert.deepEqual(at({ latency: '1s', direction: 'both' }), [['egress', 'postrouting'], ['ingress', 'prerouting']]);
  assert.deepEqual(at({ loss: 0.1 }), [['egress', undefined]]);
});

test('more filters than a packet should pass are refused', { skip: process.platform !== 'linux' }, () => {
  const port = Array.from({ length: 40 }, (_, i) => `${1_001 + i * 1_000}-${1_998 + i * 1_000}`).join(',');
  assert.throws(() => lanesOf(scene({ loss: 0.1, port }), ALL), code('too-many-filters'));
});

describe('a plan in a namespace', { skip: noWorld(), timeout: 60_000 }, () => {
  test('chooses interfaces by the routes, and says what is wrong with others', async () => {
    await using world = await makeWorld();
    const plan = (target: string, fields: Record<string, unknown>) =>
      planNetwork(faultRequest<NetworkParams>(networkManifest, { loss: 0.1, ...fields }, { target }), { ...ALL, netem: 'no netem' }, []);
    const chosen = async (fields: Record<string, unknown>) => (await plan(`netns:${world.here}`, fields)).map(({ plan: { device } }) => device.name);
    assert.deepEqual(await chosen({ cidr: '10.99.0.2, fd99::2' }), [world.dev]);
    await assert.rejects(chosen({}), /no default route/);
    assert.deepEqual(await chosen({ port: 5432 }), ['lo']);
    world.run('ip', 'route', 'add', 'default', 'via', '10.99.0.2');
    assert.deepEqual(await chosen({}), [world.dev]);
    assert.deepEqual(await chosen({ port: 5432 }), [world.dev, 'lo']);
    assert.deepEqual((await plan(`netns:${world.here}/lo,${world.dev}`, {})).length, 2);
    await assert.rejects(plan(`netns:${world.here}/eth7`, {}), /no interface eth7/);
    await assert.rejects(plan('netns:not-there/eth0', {}), /no network namespace not-there/);
    await assert.rejects(plan('pid:4194304', {}), /no process 4194304/);
    world.run('ip', 'link', 'set', world.dev, 'down');
    await assert.rejects(plan(`netns:${world.here}/${world.dev}`, {}), /is down/);
  });
});
