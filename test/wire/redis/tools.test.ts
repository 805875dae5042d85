import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { command } from '../../fuzz/redis.ts';
import { redisClient } from '../../lab/redis.ts';
import { missing } from '../../lab/server.ts';
import { Peer } from '../parts.ts';
import { PIECES, replay } from '../replay.ts';
import { record } from '../record.ts';
import { run } from '../stage.ts';
import { RedisStage } from './stage.ts';

const ran = async (...all: Parameters<typeof run>) => run(...all).then(({ code, stdout, stderr }) => ({ code, out: stdout + stderr }));

describe('the tools of Redis through a route', { skip: missing('redis-server', 'redis-cli', 'redis-benchmark'), timeout: 300_000 }, () => {
  let at: RedisStage;
  before(async () => void (at = await RedisStage.start()));
  after(() => at[Symbol.asyncDispose]());
  afterEach(async () => {
    await at.clear();
    assert.deepEqual(at.errors, []);
  });
  const cli = async (...args: readonly string[]): Promise<string> => (await ran('redis-cli', ['-p', String(at.port), ...args])).out.trim();

  it('redis-cli sees errors, misses and resets in both versions', async () => {
    await at.direct.hset('cart:1', 'item', 'book');
    assert.equal(await cli('hgetall', 'cart:1'), 'item\nbook');
    assert.match(await cli('-3', 'hgetall', 'cart:1'), /item.*book/s);
    await at.add({ target: 'hgetall:cart*', scope: 'read', errorChance: 1, extra: { miss: true } });
    await at.add({ target: 'incr*', errorChance: 1, errorBody: "READONLY You can't write against a read only replica." });
    await at.add({ target: 'del*', dropConnection: true });
    assert.equal(await cli('--no-raw', 'hgetall', 'cart:1'), '(empty array)');
    assert.equal(await cli('--no-raw', '-3', 'hgetall', 'cart:1'), '(empty hash)');
    assert.equal(await cli('incr', 'n'), "READONLY You can't write against a read only replica.");
    assert.match(await cli('del', 'cart:1'), /Connection reset by peer|Server closed the connection/);
    assert.equal(await cli('hget', 'cart:1', 'item'), 'book');
  });

  it('redis-cli runs a file of commands, of which every third is refused', async () => {
    await at.add({ target: 'set*', errorChance: 1, everyNth: 3 });
    const lines = Array.from({ length: 9 }, (_, i) => `set k${i} ${i}`).join('\n');
    const { out } = await ran('redis-cli', ['-p', String(at.port)], `${lines}\n`);
    assert.deepEqual(
      out
        .trim()
        .split(/\n+/)
        .map((line) => line.slice(0, 2)),
      ['OK', 'OK', 'ER', 'OK', 'OK', 'ER', 'OK', 'OK', 'ER'],
    );
    assert.equal(await at.direct.exists('k2', 'k5', 'k8'), 0);
  });

  it('redis-cli --pipe loads a mass of commands', async () => {
    const mass = Array.from({ length: 20_000 }, (_, i) => command('SET', `mass:${i}`, `value ${i}`)).join('');
    const { out } = await ran('redis-cli', ['-p', String(at.port), '--pipe'], mass);
    assert.match(out, /errors: 0, replies: 20000/);
    await at.add({ target: 'set*', errorChance: 1, everyNth: 4 });
    const again = await ran('redis-cli', ['-p', String(at.port), '--pipe'], mass);
    assert.match(again.out, /errors: 5000, replies: 20000/);
  });

  const benchmark = (...args: readonly string[]) =>
    ran('redis-benchmark', ['-p', String(at.port), '-c', '20', '-r', '1000', '--csv', ...args]);
  it('redis-benchmark completes, alone and in pipelines, while reads miss and writes wait', async () => {
    const { id } = await at.add({ target: 'get*', scope: 'read', errorChance: 0.05, extra: { miss: true } });
    await at.add({ target: 'set*', latencyChance: 0.001, latencyMs: 2 });
    for (const pipeline of ['1', '16']) {
      const { code, out } = await benchmark('-n', '10000', '-P', pipeline, '-t', 'set,get,incr,lpush,mset');
      assert.equal(code, 0, out);
      for (const name of ['SET', 'GET', 'INCR', 'LPUSH', 'MSET']) assert.match(out, new RegExp(`"${name}[^"]*","[0-9.]+"`));
    }
    const { matched = 0, errors = 0 } = at.wire.counters(id) ?? {};
    assert.ok(matched >= 20_000 && errors > matched * 0.03 && errors < matched * 0.07, `${errors} of ${matched}`);
  });
  it('redis-benchmark stops at an error and at a reset, which it shows', async () => {
    const { id } = await at.add({ target: 'get*', errorChance: 0.05, errorBody: 'CLUSTERDOWN The cluster is down' });
    const failed = await benchmark('-n', '1000', '-P', '16', '-t', 'get');
    assert.match(failed.out, /Error from server: CLUSTERDOWN The cluster is down/);
    assert.equal(failed.code, 1);
    await at.wire.remove(id);
    await at.add({ target: 'get*', errorChance: 0.05, dropConnection: true });
    assert.match((await benchmark('-n', '1000', '-t', 'get')).out, /Connection reset by peer|Server closed the connection/);
  });

  it('tells the invalidations of client-side caching between refused commands', async () => {
    await at.add({ target: 'incr*', errorChance: 1, errorBody: 'OOM no' });
    using peer = await Peer.to(at.address);
    peer.write(command('HELLO', '3') + command('CLIENT', 'TRACKING', 'ON') + command('GET', 'a') + command('GET', 'b'));
    await peer.says('_\r\n', 2);
    for (const key of ['a', 'b']) {
      await at.direct.set(key, '1');
      peer.write(command('INCR', 'n'));
      await peer.says(`>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\n${key}\r\n`);
    }
    await peer.says('-OOM no\r\n', 2);
    peer.write(command('CLIENT', 'REPLY', 'SKIP') + command('INCR', 'n') + command('STRLEN', 'a') + command('ECHO', 'end'));
    await peer.says('$3\r\nend\r\n');
    assert.match(peer.received.toString(), /:1\r\n\$3\r\nend\r\n$/, 'the silence fell on the refused command alone');
  });
});

describe('recorded conversations', { skip: missing('redis-server', 'redis-cli'), timeout: 300_000 }, () => {
  it('pass a route without policies to the byte, in pieces of any size', async () => {
    await using at = await RedisStage.start();
    await using recorder = await record(at.server.port);
    for (const protocol of [2, 3] as const) {
      const redis = redisClient(recorder.port, { protocol });
      await redis.mset('a', '1', 'b', 'x'.repeat(1_600));
      await Promise.all([redis.get('a'), redis.mget('a', 'none', 'b'), redis.hset('h', { f: '1' }), redis.hgetall('h'), redis.incr('a')]);
      await redis.multi().get('a').zadd('z', 1, 'm').zscore('z', 'm').exec();
      await redis.eval('return {1, redis.call("get", KEYS[1]), {2, 3}}', 1, 'a');
      await redis.subscribe('one', 'two');
      await at.direct.publish('one', 'hello');
      await redis.unsubscribe('one', 'two');
      redis.disconnect();
    }
    await ran('redis-cli', ['-p', String(recorder.port), '-3', '-r', '3', 'debug', 'protocol', 'attrib']);
    // What no client library sends: inline commands, silence, and every subscription ended at once.
    using raw = await Peer.to(`127.0.0.1:${recorder.port}`);
    raw.write(
      'set inline "a b"\r\n' +
        command('CLIENT', 'REPLY', 'SKIP') +
        command('GET', 'a') +
        command('SUBSCRIBE', 'x', 'y', 'z') +
        command('PSUBSCRIBE', 'p*'),
    );
    raw.write(
      ['map', 'set', 'verbatim', 'bignum', 'double', 'null'].map((kind) => command('DEBUG', 'PROTOCOL', kind)).join('') +
        command('HELLO', '3'),
    );
    raw.write(command('UNSUBSCRIBE') + command('PUNSUBSCRIBE') + command('UNSUBSCRIBE') + command('RESET') + command('QUIT'));
    await raw.over();
    assert.ok(recorder.conversations.length >= 4);
    for (const turns of recorder.conversations) for (const piece of PIECES) await replay('redis', turns, piece);
  });
});
