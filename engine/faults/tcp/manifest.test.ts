import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadText } from '../../policy/load.ts';
import { tcpManifest, TOXICS } from './manifest.ts';

const parse = (fields: Record<string, unknown>) => tcpManifest.params.parse(fields);
const said = (fields: Record<string, unknown>): string => tcpManifest.explain(parse(fields), '');

test('says in one sentence what will happen to whose bytes', () => {
  assert.equal(said({ latencyDuration: '500ms', jitter: '50ms' }), 'Bytes to the client arrive 500ms later, give or take 50ms.');
  assert.equal(said({ toxic: 'bandwidth', rate: 64, stream: 'upstream', toxicity: 0.3 }), 'On 30 % of the connections: at most 64 KB of bytes to the upstream pass a second on each connection.');
  assert.equal(said({ toxic: 'timeout' }), 'No bytes to the client get through while the fault lasts; they are kept and go on afterwards.');
  assert.equal(said({ toxic: 'reset_peer' }), 'The first byte to the client does not get through, and both ends are reset at once.');
  assert.equal(said({ toxic: 'slicer', averageSize: 64, sizeVariation: 8, sliceDelay: '200us' }), 'Bytes to the client arrive in pieces of 64 ± 8, 0.2ms apart.');
  assert.equal(said({ toxic: 'loss', chance: 0.05, pieceSize: 1 }), 'Of the bytes to the client 5 % never arrive.');
  assert.equal(said({}), 'Bytes to the client go on as they came.');
  for (const toxic of TOXICS) assert.match(said({ toxic, rate: 1, averageSize: 1 }), /^[A-Z].+\.$/, toxic);
});

test('toxicity 0 weighs nothing, cutting weighs most', () => {
  const weight = (fields: Record<string, unknown>): number => tcpManifest.severity(parse(fields));
  for (const toxic of TOXICS) assert.equal(weight({ toxic, toxicity: 0, latencyDuration: '1h', chance: 1, closeDelay: '1h' }), 0, toxic);
  assert.deepEqual([weight({ toxic: 'down' }), weight({ toxic: 'reset_peer', toxicity: 0.5 }), weight({ latencyDuration: '1s' })], [1, 0.5, 0.6]);
  assert.deepEqual(tcpManifest.remarks(parse({ toxic: 'down' })), ['tcp-drop']);
  assert.deepEqual(tcpManifest.remarks(parse({ latencyDuration: '4s', jitter: '1s' })), ['long-latency']);
});

test('a field of another toxic is an error with its remedy, in the file too', () => {
  const file = (policy: string): string => `version: 1\nroutes:\n  - { name: r, protocol: redis, listen: "127.0.0.1:1", upstream: "127.0.0.1:2" }\npolicies:\n  - ${policy}\n`;
  const issues = (policy: string): string[] => {
    const loaded = loadText(file(policy), 'f.yaml', {});
    return loaded.ok ? [] : loaded.issues.map(({ message, hint }) => `${message} | ${hint}`);
  };
  assert.deepEqual(issues('{ name: a, type: tcp, route: r, toxic: bandwidth, rate: 100, toxicity: 0.5 }'), []);
  assert.deepEqual(issues('{ name: a, type: tcp, toxic: slicer, average_size: 64, size_variation: 16, slice_delay: 200us }'), []);
  assert.match(issues('{ name: a, type: tcp, toxic: down, rate: 100 }').join(), /the toxic down does not read it.*set toxic to bandwidth/);
  assert.match(issues('{ name: a, type: tcp, toxic: bandwidth }').join(), /rate: expected at least 1.*use toxic: timeout/);
  assert.match(issues('{ name: a, type: tcp, toxic: slicer, average_size: 5, size_variation: 5 }').join(), /expected less than average_size/);
  assert.match(issues('{ name: a, type: tcp, target: /charge, latency_duration: 1s }').join(), /expected no target, or all/);
  assert.match(issues('{ name: a, type: tcp, toxic: packet }').join(), /expected one of latency, bandwidth/);
});
