import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { aimOf } from '../../../engine/faults/redis/aim.ts';
import { redisManifest } from '../../../engine/faults/redis/manifest.ts';
import { isSetup } from '../../../engine/wire/redis/commands.ts';
import { MISSES } from '../../../engine/wire/redis/misses.ts';
import { ignoredPrefixes } from '../../../engine/policy/ignored.ts';
import { loadText } from '../../../engine/policy/load.ts';
import { command } from '../../fuzz/redis.ts';
import { missing } from '../../lab/server.ts';
import { Peer } from '../parts.ts';
import { RedisStage } from './stage.ts';

const page = readFileSync(join(import.meta.dirname, '../../../assets/docs/protocols/redis.md'), 'utf8');
const [routes = '', policies = ''] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? '');

describe('the page on Redis', () => {
  const loaded = loadText(`version: 1\n${routes}${policies}ignored_commands: { redis: [DEL, "GET session:"] }\n`, 'page.yaml');
  it('shows policies that load, one for each effect', () => {
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.deepEqual(
      loaded.file.policies.map(({ name }) => name),
      ['loading', 'cold', 'slow', 'cut', 'third'],
    );
    const when = /such as `([^`]+)`/.exec(page.slice(page.indexOf('**Conditions**')))?.[1] ?? '';
    assert.ok(loadText(`version: 1\npolicies:\n  - { type: redis, target: all, error_chance: 1, when: "${when}" }\n`, 'a').ok, when);
    assert.deepEqual(
      Object.keys(redisManifest.facts?.['redis'] ?? {}),
      [...page.matchAll(/`redis\.(\w+)`/g)].map((match) => match[1]),
    );
  });
  it('names reads that miss, and commands that are spared', () => {
    const reads = /made of reads: (.*?)\sand their like/s.exec(page)?.[1]?.split(/,\s+|\sand\s/) ?? [];
    assert.ok(reads.length > 10);
    for (const name of reads) assert.ok(Object.hasOwn(MISSES, name.toLowerCase()), name);
    const setup = /sets a connection up \((.*?)\)/s.exec(page)?.[1]?.split(/,\s+/) ?? [];
    assert.equal(setup.length, 9);
    for (const name of setup) assert.ok(isSetup(name), name);
    assert.ok(loaded.ok);
    assert.deepEqual(ignoredPrefixes(loaded.file, 'redis'), ['PING', 'INFO', 'CONFIG', 'DEL', 'GET session:']);
  });
});

describe('what the page on Redis promises', { skip: missing('redis-server'), timeout: 300_000 }, () => {
  let at: RedisStage;
  before(async () => void (at = await RedisStage.start()));
  after(() => at[Symbol.asyncDispose]());

  const takes: readonly [target: string, text: string, struck: boolean][] = [
    ['get', command('GET', 'any'), true],
    ['get', command('GETEX', 'any'), false],
    ['GET', 'get any\r\n', true],
    ['get cart:7', command('GET', 'cart:7'), true],
    ['get cart:7', command('GET', 'cart:71'), false],
    ['get cart:7', command('GET', 'CART:7'), true],
    ['get cart:*', command('GET', 'cart:7:items'), true],
    ['get cart:*', command('GET', 'cartoon'), false],
    ['get cart*', command('GET', 'cart'), true],
    ['mget cart:*', command('MGET', 'cart:1', 'b'), true],
    ['mget cart:*', command('MGET', 'b', 'cart:1'), true],
    ['mget cart:*', 'mget b cart:1\r\n', false],
    ['mset cart:*', command('MSET', 'b', 'cart:1', 'cart:2', 'c'), true],
    ['mset cart:*', command('MSET', 'b', 'cart:1', 'c', 'd'), false],
    ['subscribe news*', command('SUBSCRIBE', 'a', 'news:b'), true],
    ['publish news*', command('PUBLISH', 'news:today', 'x'), true],
    ['all', command('DEL', 'a'), true],
    ['*', command('DEL', 'a'), true],
    ['all', command('SELECT', '0'), false],
    ['select', command('SELECT', '0'), true],
    ['all', command('CLIENT', 'ID'), false],
    ['all', command('UNWATCH'), false],
    ['all', command('HELLO', '3') + command('PUNSUBSCRIBE', 'x'), false],
    ['unwatch', command('UNWATCH'), false],
    ['all', command('PING'), false],
    ['discard', command('DISCARD'), false],
  ];
  for (const [target, text, struck] of takes) {
    it(`${target} ${struck ? 'takes' : 'leaves'} ${text
      .trim()
      .split('\r\n')
      .filter((_, i) => i === 0 || i % 2 === 0)
      .slice(-3)
      .join(' ')}`, async () => {
      const aim = aimOf({ policy: 'p', target, ignored: ['PING'], params: redisManifest.params.parse({ errorChance: 1 }) });
      const { id } = await at.add({ ...aim, errorChance: 1, errorBody: 'STRUCK' });
      using peer = await Peer.to(at.address);
      peer.write(text + command('CLIENT', 'NO-EVICT', 'OFF'));
      await peer.says('+OK\r\n');
      assert.equal(peer.received.toString().startsWith('-STRUCK'), struck, peer.received.toString());
      await at.wire.remove(id);
    });
  }

  it('says once a connection that a transaction which subscribes is not understood, and passes it', async () => {
    await at.add({ target: 'get*', errorChance: 1 });
    const before = at.route.notUnderstood;
    using peer = await Peer.to(at.address);
    peer.write(command('MULTI') + command('SUBSCRIBE', 'a') + command('EXEC'));
    await peer.says('subscribe');
    peer.write(command('UNSUBSCRIBE', 'a'));
    await peer.says('unsubscribe');
    peer.write(command('GET', 'none'));
    await peer.says('$-1\r\n');
    assert.equal(at.route.notUnderstood, before + 1);
  });
});
