import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { command } from '../../../test/fuzz/redis.ts';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { RedisSession } from './redis-session.ts';

const linkTo = (...policies: readonly Partial<WirePolicy>[]): FakeLink =>
  new FakeLink('redis', (link) => new RedisSession(link), policies.map((one) => policy({ protocol: 'redis', errorChance: 1, errorBody: 'OOM no', ...one })));
const REFUSED = '-OOM no\r\n';
const got = (link: FakeLink): string => link.clientGot.toString('latin1');
/** Whether a policy on what begins with `hit` refuses the command. */
const isHit = (name: string, words: readonly string[]): boolean => got(linkTo({ target: `${name}:hit*` }).client(Buffer.from(command(...words)))) === REFUSED;

/** As `COMMAND INFO` and `COMMAND GETKEYS` of Redis 7.4 say: `k` is a key, `-` is none. */
const PLACES = [
  'DEL k k k', 'UNLINK k k', 'EXISTS k k', 'TOUCH k k', 'MGET k k k', 'WATCH k k', 'MSET k - k - k -', 'MSETNX k - k -', 'SINTER k k', 'SUNION k k', 'SDIFF k k',
  'SINTERSTORE k k k', 'SUNIONSTORE k k', 'SDIFFSTORE k k', 'PFCOUNT k k', 'PFMERGE k k', 'BLPOP k k -', 'BRPOP k k -', 'BZPOPMIN k k -', 'BZPOPMAX k k -',
  'RENAME k k', 'RENAMENX k k', 'COPY k k - -', 'LMOVE k k - -', 'BLMOVE k k - - -', 'RPOPLPUSH k k', 'BRPOPLPUSH k k -', 'SMOVE k k -', 'LCS k k -',
  'GEOSEARCHSTORE k k - -', 'ZRANGESTORE k k - -', 'BITOP - k k k', 'ZUNION 2 k k - -', 'ZINTER 2 k k -', 'ZDIFF 2 k k', 'SINTERCARD 2 k k - -',
  'ZINTERCARD 2 k k', 'LMPOP 2 k k -', 'ZMPOP 2 k k -', 'BLMPOP - 2 k k -', 'BZMPOP - 2 k k -', 'EVAL - 2 k k - -', 'EVALSHA_RO - 1 k -', 'FCALL - 2 k k',
  'ZUNIONSTORE k 2 k k - -', 'ZINTERSTORE k 2 k k', 'ZDIFFSTORE k 2 k k', 'XREAD COUNT 2 STREAMS k k - -', 'XREADGROUP GROUP - - STREAMS k k - -', 'GET k -', 'SET k -',
  'SUBSCRIBE k k',
] as const;

describe('a command of several keys', () => {
  for (const place of PLACES) {
    it(`is taken by each of its keys, and by nothing else: ${place}`, () => {
      const [name = '', ...parts] = place.split(' ');
      parts.forEach((part, at) => {
        if (part !== 'k' && part !== '-') return;
        const words = parts.map((other, i) => (i === at ? 'hit:1' : other === 'k' || other === '-' ? 'miss' : other));
        assert.equal(isHit(name, [name, ...words]), part === 'k', words.join(' '));
      });
    });
  }

  it('is judged and counted once, however many of its keys are meant', () => {
    const link = linkTo({ target: 'mget:hit*', errorChance: 0, latencyChance: 1, latencyMs: 600_000 }, { target: 'all', errorChance: 0 }, { target: 'mget:c', errorChance: 0 });
    link.client(Buffer.from(command('MGET', 'hit:1', 'b', 'c', 'hit:2')));
    assert.deepEqual([0, 1, 2].map((slot) => link.totals.policy(slot).matched), [1, 1, 1]);
    link.holds.releaseAll();
    assert.equal(link.upstreamGot.toString(), command('MGET', 'hit:1', 'b', 'c', 'hit:2'));
  });
  it('is protected when one of its names is', () => {
    const link = linkTo({ target: 'del:hit*', ignored: ['del:safe'] });
    link.client(Buffer.from(command('DEL', 'hit:1', 'safe:2')));
    assert.equal(got(link), '');
    assert.equal(got(link.upstream(Buffer.from(':2\r\n')).client(Buffer.from(command('DEL', 'hit:1', 'hit:2')))), `:2\r\n${REFUSED}`);
  });
  it('is the same in pieces of any size, and behind others', () => {
    const said = Buffer.from(command('MSET', 'a', 'x'.repeat(500), 'hit:1', 'y'.repeat(500)) + command('SET', 'z', '1') + command('DEL', 'a', 'hit:2') + command('GET', 'a'));
    for (const size of [1, 7, 100, 100_000]) {
      const link = linkTo({ target: 'mset:hit*' }, { target: 'del:hit*' });
      for (let at = 0; at < said.length; at += size) link.client(said.subarray(at, at + size));
      assert.equal(got(link), REFUSED);
      link.upstream(Buffer.from('+OK\r\n'));
      assert.deepEqual([got(link), link.upstreamGot.toString()], [`${REFUSED}+OK\r\n${REFUSED}`, command('SET', 'z', '1') + command('GET', 'a')]);
    }
  });
  it('can be asked for all of its keys', () => {
    const link = linkTo({ target: 'all', when: "redis.keys.exists(key, key.startsWith('hit:'))" });
    link.client(Buffer.from(command('MGET', 'a', 'hit:1'))).upstream(Buffer.from('*0\r\n'));
    assert.equal(got(link.client(Buffer.from(command('MGET', 'a', 'b')))), `${REFUSED}*0\r\n`);
    assert.equal(link.upstreamGot.toString(), command('MGET', 'a', 'b'));
  });
  it('with more keys than a head may hold is judged by those that are in reach, and passes as it came', () => {
    const keys = Array.from({ length: 9_000 }, (_, i) => `miss:${i}`);
    const link = linkTo({ target: 'del:hit*' });
    for (const words of [['DEL', ...keys, 'hit:1'], ['DEL', 'EVAL'], ['MGET', 'a', 'b']]) link.client(Buffer.from(command(...words)));
    assert.equal(got(link), '');
    assert.equal(got(link.upstream(Buffer.from(':0\r\n:0\r\n*2\r\n$-1\r\n$-1\r\n')).client(Buffer.from(command('DEL', ...keys.slice(0, 2_000), 'hit:1')))).endsWith(REFUSED), true);
  });
});
