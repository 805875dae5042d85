import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blocksOf, type Cell, cellsOf, nftOf, overlap, u32Of } from './packets.ts';
import { parseCidr, parseCidrs, parseEndpoint, parsePorts, parseRate, parseTarget } from './selection.ts';

const cidr = (text: string) => parseCidr(text) ?? assert.fail(text);

test('targets: interfaces, and where they are', () => {
  assert.deepEqual(parseTarget(''), { place: { kind: 'own' }, interfaces: [] });
  assert.deepEqual(parseTarget(' eth0, eth1.5,eth0 '), { place: { kind: 'own' }, interfaces: ['eth0', 'eth1.5'] });
  assert.deepEqual(parseTarget('netns:shop/eth0'), { place: { kind: 'netns', name: 'shop' }, interfaces: ['eth0'] });
  assert.deepEqual(parseTarget('pid:4711'), { place: { kind: 'pid', pid: 4711 }, interfaces: [] });
  for (const wrong of ['a b', 'eth0;id', '"eth0"', 'eth0/x', 'sixteen-letters-', 'netns:../x/eth0', 'netns:/eth0', 'pid:0', 'pid:x/eth0', '..', '-x', 'eth0,']) {
    assert.ok('error' in parseTarget(wrong), wrong);
  }
});

test('ports, networks, rates and addresses', () => {
  assert.deepEqual(parsePorts('5432, 80-90'), [{ from: 5432, to: 5432 }, { from: 80, to: 90 }]);
  for (const wrong of ['0', '65536', '9-8', 'http', '1-2-3']) assert.ok('error' in parsePorts(wrong), wrong);
  assert.equal(cidr('10.1.2.3/8').text, '10.0.0.0/8');
  assert.equal(cidr('10.1.2.3').text, '10.1.2.3/32');
  assert.equal(cidr('fd00::1:2/16').text, 'fd00:0:0:0:0:0:0:0/16');
  assert.equal(cidr('::1').text, '0:0:0:0:0:0:0:1/128');
  for (const wrong of ['10.0.0/8', '10.0.0.256', '10.0.0.0/33', 'fd00::/129', '1::2::3', ':::', 'fd00', '10.0.0.0/8/8', '1:2:3:4:5:6:7:8:9', 'x']) assert.ok('error' in parseCidrs(wrong), wrong);
  assert.deepEqual(['1mbit', '2.5gbit', '512 KBit', '8kbit'].map(parseRate), [1e6, 2.5e9, 512e3, 8e3]);
  assert.deepEqual(['1', '1mb', '7kbit', '11gbit', '-1mbit', '1mbit; id'].map(parseRate), Array.from({ length: 6 }));
  assert.deepEqual(parseEndpoint('[fd00::2]:5432'), { host: 'fd00::2', port: 5432 });
  assert.deepEqual(parseEndpoint('db:1'), { host: 'db', port: 1 });
  assert.deepEqual(['db', 'db:0', ':1', 'fd00::2:5432'].map(parseEndpoint), Array.from({ length: 4 }));
});

test('a range of ports is covered exactly, by few masks', () => {
  for (const [from, to] of [[5432, 5432], [1, 65_535], [0, 65_535], [8_000, 8_010], [1_023, 1_025]] as const) {
    const blocks = blocksOf({ from, to });
    assert.ok(blocks.length <= 30);
    const covered = new Set<number>();
    for (const { value, mask } of blocks) for (let port = 0; port < 65_536; port++) if ((port & mask) === value) covered.add(port);
    assert.deepEqual([covered.size, Math.min(...covered), Math.max(...covered)], [to - from + 1, from, to]);
  }
});

test('a port is looked for at both ends, over the loopback at the one that is asked', () => {
  const wanted = { protocol: 'tcp', networks: [cidr('10.0.0.0/8')], ports: [{ from: 5432, to: 5432 }] } as const;
  assert.deepEqual(cellsOf(wanted, 'egress', false).flatMap(u32Of), [
    'match ip protocol 6 0xff match ip dst 10.0.0.0/8 match ip dport 5432 0xffff',
    'match ip protocol 6 0xff match ip dst 10.0.0.0/8 match ip sport 5432 0xffff',
  ]);
  assert.deepEqual(cellsOf(wanted, 'ingress', true).map(nftOf), ['meta protocol ip ip saddr 10.0.0.0/8 meta l4proto 6 th sport 5432']);
  const all = cellsOf({ protocol: 'any', networks: [], ports: [] }, 'egress', false);
  assert.deepEqual(all.flatMap(u32Of), ['match u32 0 0', 'match u32 0 0']);
  assert.deepEqual(all.map(nftOf), ['meta protocol ip', 'meta protocol ip6']);
  assert.deepEqual(cellsOf({ protocol: 'icmp', networks: [], ports: [] }, 'egress', false).map(({ protocol }) => protocol), [1, 58]);
  assert.equal(cellsOf({ protocol: 'any', networks: [], ports: [{ from: 1, to: 2 }] }, 'egress', false).length, 8);
});

test('cells overlap when a connection could be in both', () => {
  const port = (from: number, to = from): Cell => ({ family: 4, protocol: 6, destinationPort: { from, to } });
  const to = (text: string): Cell => ({ family: cidr(text).bytes.length === 4 ? 4 : 6, destination: cidr(text) });
  assert.equal(overlap(port(80), port(80)), true);
  assert.equal(overlap(port(80), port(70, 90)), true);
  assert.equal(overlap(port(80), port(81)), false);
  assert.equal(overlap(port(80), { ...port(80), protocol: 17 }), false);
  assert.equal(overlap(port(80), { family: 4 }), true);
  assert.equal(overlap(port(80), { family: 6 }), false);
  assert.equal(overlap(port(80), { family: 4, protocol: 6, sourcePort: { from: 80, to: 80 } }), false);
  assert.equal(overlap(to('10.0.0.0/8'), to('10.9.0.0/16')), true);
  assert.equal(overlap(to('10.0.0.0/12'), to('10.16.0.0/12')), false);
  assert.equal(overlap(to('0.0.0.0/0'), to('10.16.0.0/12')), true);
  assert.equal(overlap(to('fd00::/7'), to('fd99::1')), true);
  assert.equal(overlap({ ...to('10.0.0.0/8'), ...port(80) }, { ...to('11.0.0.0/8'), ...port(80) }), false);
});
