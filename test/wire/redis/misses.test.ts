import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MISSES } from '../../../engine/wire/redis/misses.ts';
import { createWire } from '../../../engine/wire/create.ts';
import type { Wire } from '../../../engine/wire/wire.ts';
import { command } from '../../fuzz/redis.ts';
import { startRedis } from '../../lab/redis.ts';
import { type LabServer, missing } from '../../lab/server.ts';
import { Peer, policy } from '../parts.ts';

/** Each read that can miss, asked of a key that is not there: what stands behind the key. */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  hget: ['f'], lindex: ['0'], zscore: ['m'], geodist: ['a', 'b'], hstrlen: ['f'], hexists: ['f'], sismember: ['m'], zcount: ['0', '1'],
  zlexcount: ['-', '+'], getbit: ['0'], getrange: ['0', '1'], substr: ['0', '1'], lrange: ['0', '1'], zrange: ['0', '1'], zrevrange: ['0', '1'],
  zrangebyscore: ['0', '1'], zrevrangebyscore: ['0', '1'], zrangebylex: ['-', '+'], zrevrangebylex: ['+', '-'], xrange: ['-', '+'],
  xrevrange: ['+', '-'], geosearch: ['FROMLONLAT', '0', '0', 'BYRADIUS', '1', 'km', 'ASC'], georadius_ro: ['0', '0', '1', 'km'],
  georadiusbymember_ro: ['m', '1', 'km'], hscan: ['0'], sscan: ['0'], zscan: ['0'], zrank: ['m'], zrevrank: ['m'], lpos: ['e'], hmget: ['a', 'b', 'c'],
  zmscore: ['a', 'b'], geohash: ['a', 'b'], geopos: ['a', 'b'], smismember: ['a', 'b'],
};
/** Those whose key has a number in front, and those with another form. */
const COUNTED = new Set(['sintercard', 'zintercard', 'zdiff', 'zinter', 'zunion']);
const MORE: readonly (readonly string[])[] = [
  ['mget', 'absent:1', 'absent:2', 'absent:3'], ['srandmember', 'absent', '3'], ['hrandfield', 'absent', '3'], ['zrandmember', 'absent', '3'],
  ['exists', 'absent', 'absent:2'], ['scan', '0', 'MATCH', 'absent*', 'COUNT', '1000'], ['keys', 'absent*'],
];

describe('what a miss looks like', { skip: missing('redis-server'), timeout: 300_000 }, () => {
  let server: LabServer;
  let wire: Wire;
  let address = '';
  before(async () => {
    server = await startRedis();
    wire = createWire({ workers: 1 });
    const [route] = await wire.open([{ name: 'r', protocol: 'redis', listen: '127.0.0.1:0', upstream: server.address }]);
    address = route?.listen ?? '';
    await wire.add(policy({ protocol: 'redis', scope: 'read', errorChance: 1, extra: { miss: true } }));
  });
  after(async () => {
    await wire[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const asked = [...Object.keys(MISSES).filter((name) => !['mget', 'scan', 'keys'].includes(name)).map((name) =>
    COUNTED.has(name) ? [name, '1', 'absent'] : [name, 'absent', ...(ASKED[name] ?? [])]), ...MORE];
  for (const version of ['2', '3']) {
    it(`is byte for byte what the server says of a key that is not there, in RESP${version}`, async () => {
      using direct = await Peer.to(server.address);
      using through = await Peer.to(address);
      for (const peer of [direct, through]) {
        peer.write(command('HELLO', version));
        await peer.says('modules');
        peer.write(command('ECHO', 'ready'));
        await peer.says('ready\r\n');
      }
      let [told, missed] = [direct.length, through.length];
      for (const [number, words] of asked.entries()) {
        const mark = `done-${number}-`;
        for (const peer of [direct, through]) {
          peer.write(command(...words) + command('ECHO', mark));
          await peer.says(`$${mark.length}\r\n${mark}\r\n`);
        }
        const said = direct.received.subarray(told).toString('latin1');
        assert.doesNotMatch(said, /^-/, `${words.join(' ')} is not a question that this server understands`);
        assert.equal(through.received.subarray(missed).toString('latin1'), said, words.join(' '));
        [told, missed] = [direct.length, through.length];
      }
      assert.equal(wire.routeCounters()[0]?.notUnderstood, 0);
    });
  }
  it('was made up here each time', () => {
    assert.equal(wire.routeCounters()[0]?.errors, 2 * asked.length);
  });
});
