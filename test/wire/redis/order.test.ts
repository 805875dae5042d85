import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { command } from '../../fuzz/redis.ts';
import { Dice } from '../../fuzz/mutate.ts';
import { missing } from '../../lab/server.ts';
import { Peer } from '../parts.ts';
import { RedisStage } from './stage.ts';

/** What a client may say between two marks, in any version of RESP; every one leaves the connection as it found it. */
const SAYINGS: readonly string[] = [
  command('SET', 'k', 'v'.repeat(200)),
  command('GET', 'k'),
  command('MGET', 'k', 'none'),
  command('LRANGE', 'l', '0', '-1'),
  command('NOSUCH', 'x'),
  'get k\r\n',
  command('RPUSH', 'l', 'message', 'subscribe'),
  command('MULTI') + command('SET', 'a', '1') + command('GET', 'a') + command('EXEC'),
  command('MULTI') + command('SET', 'a') + command('EXEC'),
  command('MULTI') + command('INCR', 'n') + command('DISCARD'),
  command('EXEC'),
  command('DISCARD'),
  command('WATCH', 'a') + command('MULTI') + command('SELECT', '1') + command('SELECT', '0') + command('EXEC'),
  command('MULTI', 'x'),
  command('MULTI') + command('MULTI') + command('EXEC'),
  command('CLIENT', 'REPLY', 'SKIP') + command('SET', 'k', '1'),
  command('CLIENT', 'REPLY', 'OFF') + command('GET', 'k') + command('SET', 'k', '2') + command('CLIENT', 'REPLY', 'ON'),
  command('CLIENT', 'REPLY', 'SKIP') + command('CLIENT', 'REPLY', 'SKIP') + command('INCR', 'n'),
  command('CLIENT', 'REPLY', 'MAYBE'),
  command('SELECT', '99'),
  command('SUBSCRIBE', 'news', 'news', 'olds') + command('PSUBSCRIBE', 'n*') + command('PUNSUBSCRIBE', 'n*') + command('UNSUBSCRIBE'),
  command('UNSUBSCRIBE'),
  command('SSUBSCRIBE', 's') + command('SUNSUBSCRIBE'),
  command('SUBSCRIBE'),
  command('BLPOP', 'none', '0.001'),
  command('XREAD', 'STREAMS', 'none', '0'),
  '\r\n',
  '*0\r\n',
  command('EVAL', 'return {1, {2, "x"}, redis.call("GET", KEYS[1])}', '1', 'k'),
  command('DEBUG', 'PROTOCOL', 'map'),
  command('PUBLISH', 'news', 'hello'),
  command('CLIENT', 'REPLY', 'SKIP') + command('MULTI') + command('INCR', 'n') + command('EXEC'),
  command('HGETALL', 'none'),
  command('DEL', 'l'),
];

describe('every command is answered in its turn', { skip: missing('redis-server'), timeout: 300_000 }, () => {
  let at: RedisStage;
  before(async () => {
    at = await RedisStage.start();
    const when = "redis.command != 'ECHO'";
    await at.add({ name: 'fail', when, errorChance: 0.2, errorBody: 'OOM no' });
    await at.add({ name: 'miss', scope: 'read', errorChance: 0.2, extra: { miss: true } });
    await at.add({ name: 'wait', when, latencyChance: 0.02, latencyMs: 2 });
  });
  after(() => at[Symbol.asyncDispose]());

  // In RESP2 nobody can tell what becomes of CLIENT REPLY beside a subscription.
  const talks = [
    ['2', 'without silence', SAYINGS.filter((text) => !text.includes('REPLY'))],
    ['2', 'without subscriptions', SAYINGS.filter((text) => !text.includes('SUBSCRIBE'))],
    ['3', 'with everything', SAYINGS],
  ] as const;
  for (const [version, kind, sayings] of talks) {
    for (let seed = 1; seed <= 3; seed++) {
      it(`whatever is refused before it, in RESP${version} ${kind} (seed ${seed})`, async () => {
        const dice = new Dice(seed);
        using peer = await Peer.to(at.address);
        peer.write(command('HELLO', version));
        await peer.says('modules');
        const count = 150;
        let text = '';
        for (let i = 0; i < count; i++) {
          for (let n = dice.below(4); n > 0; n--) text += dice.pick(sayings);
          text += command('ECHO', `mark-${i}-`);
        }
        await peer.writePieces(Buffer.from(text), dice.pick([5, 40, 700, 20_000]));
        await peer.says(`mark-${count - 1}-\r\n`);
        const marks = [...peer.received.toString('latin1').matchAll(/\$\d+\r\nmark-(\d+)-\r\n/g)].map((match) => Number(match[1]));
        assert.deepEqual(
          marks,
          Array.from({ length: count }, (_, i) => i),
        );
        assert.match(peer.received.toString('latin1'), /-OOM no\r\n/);
        assert.equal(at.route.notUnderstood, 0);
      });
    }
  }
});
