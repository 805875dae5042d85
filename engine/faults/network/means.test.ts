import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NetCapabilities } from '../../host/net-capabilities.ts';
import { type Blueprint } from './blueprint.ts';
import { commandsFor, netemArgs } from './commands.ts';
import { networkManifest } from './manifest.ts';
import { meansFor, netemOf } from './means.ts';

const ALL: NetCapabilities = { netem: '', shaping: '', redirect: '', rules: '', egressHook: '', duplicates: '', reader: '' };
const parse = (fields: Record<string, unknown>) => networkManifest.params.parse(fields);
const by = (fields: Record<string, unknown>, can: Partial<NetCapabilities> = {}, hook: 'egress' | 'ingress' = 'egress'): string => {
  const means = meansFor(parse(fields), hook, { ...ALL, ...can });
  return 'refusal' in means ? `no: ${means.refusal}` : means.inWords;
};

test('each effect is done by the best that the machine has', () => {
  assert.equal(by({ latency: '1s' }), 'a netem queue');
  assert.equal(by({ latency: '1s', rate: '1mbit' }), 'a netem queue and an htb class');
  assert.equal(by({ loss: 0.1 }), 'a netem queue');
  assert.equal(by({ loss: 0.1 }, { netem: 'N' }), 'an nft rule (N)');
  assert.equal(by({ loss: 0.1, rate: '1mbit' }, { netem: 'N' }), 'an htb class and an nft rule (N)');
  assert.equal(by({ rate: '1mbit' }, { redirect: 'R' }, 'ingress'), 'an nft limit that drops what is too much (R)');
  assert.equal(by({ rate: '1mbit' }, { shaping: 'S' }), 'an nft limit that drops what is too much (S)');
  assert.equal(by({ latency: '1s' }, { netem: 'N' }), 'a program that holds up to 50,000 packets (N)');
  assert.equal(by({ duplication: 0.1 }, { netem: 'N' }), 'an nft rule that sends copies (N)');
  assert.equal(by({ latency: '1s', duplication: 0.1 }, { netem: 'N' }), 'an nft rule that sends copies (N) and a program that holds up to 50,000 packets (N)');
  assert.equal(by({ corruption: 0.1 }, { redirect: 'R' }, 'ingress'), 'a program that holds up to 50,000 packets (R)');
  assert.equal(by({ latency: '1s', loss: 0.1, rate: '1mbit' }, { netem: 'N' }), 'an htb class and an nft rule (N) and a program that holds up to 50,000 packets (N)');
  assert.equal(by({ loss: 0.1, correlation: 0.2 }, { netem: 'N' }), 'a program that holds up to 50,000 packets (N)');
  assert.equal(by({ partition: 'drop' }, { netem: 'N', shaping: 'S' }), 'an nft rule');
  assert.equal(by({ partition: 'drop' }, { rules: 'F' }), 'a netem queue (F)');
});

test('what nothing here can do is refused with what is missing', () => {
  assert.match(by({ latency: '1s' }, { netem: 'N', reader: 'Q' }), /^no: N; Q; a route of the wire/);
  assert.match(by({ loss: 0.1, correlation: 0.2 }, { netem: 'N', reader: 'Q' }), /^no: N; Q/);
  assert.match(by({ latency: '1s' }, { redirect: 'R', reader: 'Q' }, 'ingress'), /^no: R; Q/);
  assert.equal(by({ latency: '1s' }, { netem: 'N', rules: 'F' }), 'no: F');
  assert.equal(by({ duplication: 0.1 }, { netem: 'N', duplicates: 'D' }), 'no: N; D');
  assert.equal(by({ duplication: 0.1 }, { netem: 'N' }, 'ingress'), 'no: N; what arrives is sent twice by nothing else');
  assert.match(by({ latency: '1s' }, { redirect: 'R' }, 'egress'), /netem/);
  assert.equal(by({ loss: 0.1 }, { netem: 'N', rules: 'F' }), 'no: F');
  assert.equal(by({ partition: 'reject' }, { rules: 'F' }), 'no: F');
});

test('correlated loss is a chain of two states with exactly the share and the likeness asked for', () => {
  assert.equal(netemArgs(netemOf(parse({ loss: 0.2, correlation: 0.5 }))), 'loss gemodel 10% 40%');
  assert.equal(netemArgs(netemOf(parse({ loss: 0.2 }))), 'loss 20%');
  assert.equal(netemArgs(netemOf(parse({ latency: '100ms', jitter: '10ms', correlation: 0.25, reordering: 0.1 }))), 'delay 100000us 10000us 25% reorder 10%');
});

test('a record is the whole of what reaches the kernel', () => {
  const plan: Blueprint = {
    token: '0123456789abcdef01', mark: 0x1234, namespace: { path: '', inode: 1 }, process: null, device: { name: 'eth0', index: 2 }, prior: [], family: 'netdev', probe: null,
    lanes: [
      { hook: 'egress', cells: [{ family: 4, protocol: 6, destinationPort: { from: 80, to: 80 } }], spared: [], queue: { netem: netemOf(parse({ latency: '50ms' })), rate: 1e6, limit: 100 }, rules: null, reader: null, copies: null },
      { hook: 'ingress', cells: [{ family: 6 }], spared: [{ family: 6, protocol: 6, sourcePort: { from: 22, to: 22 } }], queue: { netem: null, rate: 1e6, limit: 50 }, rules: { loss: 0.1, cut: null, police: null }, reader: null, copies: null },
    ],
  };
  const lines = commandsFor(plan, { root: false, ingress: false }).flatMap(({ program, input }) => input.trim().split('\n').map((line) => `${program} ${line}`));
  assert.deepEqual(lines, [
    'ip link add fb-0123456789ab type ifb',
    'ip link set fb-0123456789ab up',
    'tc qdisc add dev eth0 root handle fb00: htb default 0 direct_qlen 1000',
    'tc class add dev eth0 parent fb00: classid fb00:1234 htb rate 1000000bit burst 3200 cburst 3200 quantum 60000',
    'tc qdisc add dev eth0 parent fb00:1234 handle 1234: netem limit 100 delay 50000us',
    'tc filter add dev eth0 parent fb00: protocol ip pref 4660 u32 match ip protocol 6 0xff match ip dport 80 0xffff flowid fb00:1234',
    'tc qdisc add dev fb-0123456789ab root handle fb00: htb default 1234',
    'tc class add dev fb-0123456789ab parent fb00: classid fb00:1234 htb rate 1000000bit burst 3200 cburst 3200 quantum 60000',
    'tc qdisc add dev fb-0123456789ab parent fb00:1234 handle 1234: pfifo limit 50',
    'tc qdisc add dev eth0 ingress_block 4211081218 ingress',
    'tc filter add block 4211081218 protocol ipv6 pref 4661 u32 match ip6 protocol 6 0xff match ip6 sport 22 0xffff flowid :1',
    'tc filter add block 4211081218 protocol ipv6 pref 4661 u32 match u32 0 0 action mirred egress redirect dev fb-0123456789ab',
    'nft table netdev firebreak_0123456789abcdef01 {',
    'nft counter seen_ingress { }',
    'nft counter dropped_ingress { }',
    'nft chain strike_ingress {',
    'nft counter name "seen_ingress"',
    'nft numgen random mod 1000000 < 100000 counter name "dropped_ingress" drop',
    'nft }',
    'nft chain ingress_ingress {',
    'nft type filter hook ingress device "eth0" priority 0; policy accept;',
    'nft meta protocol ip6 meta l4proto 6 th sport 22 accept',
    'nft meta protocol ip6 goto strike_ingress',
    'nft }',
    'nft }',
  ]);
  assert.ok(!commandsFor(plan, { root: true, ingress: true }).some(({ input }) => / root handle fb00: htb default 0|ingress_block/.test(input)), 'what another fault has set up is used');
});

test('the manifest: weights, remarks and plain words', () => {
  const explain = (fields: Record<string, unknown>, target = 'eth0'): string => networkManifest.explain(parse(fields), target);
  assert.equal(explain({ latency: '100ms', jitter: '10ms', loss: 0.015, port: 5432, protocol: 'tcp' }), 'TCP packets of port 5432 that pass one way at eth0: delayed by 100ms give or take 10ms, 1.5 % lost.');
  assert.equal(explain({ partition: 'drop', cidr: '10.0.0.0/8' }, ''), 'Packets of 10.0.0.0/8 that leave or arrive: all dropped.');
  assert.equal(explain({}), 'Packets that pass one way at eth0: left as they are.');
  assert.equal(networkManifest.severity(parse({ partition: 'reject' })), 1);
  assert.equal(networkManifest.severity(parse({ latency: '1500ms' })), 0.6);
  assert.equal(networkManifest.severity(parse({ duplication: 0.1 })), 0.3);
  assert.deepEqual(networkManifest.remarks(parse({ partition: 'drop' })), ['tcp-drop']);
  assert.equal(networkManifest.noop(parse({ port: 80 })), true);
  const findings = (fields: Record<string, unknown>): unknown => networkManifest.check?.(parse(fields)).map(({ field }) => field);
  assert.deepEqual(findings({ jitter: '1s' }), ['jitter']);
  assert.deepEqual(findings({ reordering: 0.1 }), ['reordering']);
  assert.deepEqual(findings({ correlation: 0.1 }), ['correlation']);
  assert.deepEqual(findings({ partition: 'drop', loss: 0.1 }), ['partition']);
  assert.deepEqual(findings({ protocol: 'icmp', port: 1, loss: 0.1 }), ['port']);
});
