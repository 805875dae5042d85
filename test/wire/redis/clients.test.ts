import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'node:test';
import type { TrafficLine } from '../../../engine/contract/room.ts';
import { missing } from '../../lab/server.ts';
import { RedisStage } from './stage.ts';

const failure = (error: unknown): string => (error instanceof Error ? error.message : String(error));

describe('ioredis through a route', { skip: missing('redis-server'), timeout: 300_000 }, () => {
  let at: RedisStage;
  before(async () => void (at = await RedisStage.start()));
  after(() => at[Symbol.asyncDispose]());
  afterEach(async () => {
    await at.clear();
    assert.deepEqual(at.errors, []);
    assert.equal(at.route.notUnderstood, 0);
  });

  for (const protocol of [2, 3] as const) {
    it(`gets to each command its own answer, in RESP${protocol}, whatever fails, misses or waits around it`, async () => {
      const count = 2_000;
      await at.direct.mset(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k:${i}`, `v${i}`])));
      const failing = await at.add({ name: 'fail', target: 'get*', errorChance: 0.2, errorBody: 'TRYAGAIN later' });
      const missed = await at.add({ name: 'miss', target: 'get:k*', scope: 'read', errorChance: 0.2, extra: { miss: true } });
      await at.add({ name: 'wait', target: 'get*', latencyChance: 0.01, latencyMs: 5 });
      const redis = at.client({ protocol });
      const answers = await Promise.all(Array.from({ length: count }, (_, i) => redis.get(`k:${i}`).catch(failure)));
      const of = (kind: (answer: string | null, i: number) => boolean): number => answers.filter(kind).length;
      const [own, errors, nils] = [
        of((answer, i) => answer === `v${i}`),
        of((answer) => answer === 'TRYAGAIN later'),
        of((answer) => answer === null),
      ];
      assert.equal(own + errors + nils, count, 'no command got the answer of another');
      assert.deepEqual([at.counters(failing).errors, at.counters(missed).errors], [errors, nils]);
      assert.ok(errors > 300 && errors < 500, `${errors} of ${count} failed`);
      assert.ok(nils > 200 && nils < 450, `${nils} of ${count} missed`);
    });

    it(`brings every message of a channel, in RESP${protocol}, while commands fail`, async () => {
      await at.add({ target: 'get*', errorChance: 1 });
      const [subscriber, publisher] = [at.client({ protocol }), at.client({ protocol })];
      const seen: string[] = [];
      const done = new Promise<void>((resolve) => {
        subscriber.on('message', (_channel, text: string) => (seen.push(text), seen.length === 300 && resolve()));
      });
      await subscriber.subscribe('news', 'other');
      await subscriber.psubscribe('n*ws');
      for (let i = 0; i < 300; i++) {
        void publisher.publish('news', String(i));
        if (i % 30 === 0) await assert.rejects(publisher.get('a'), /injected/);
      }
      await done;
      assert.deepEqual(
        seen,
        Array.from({ length: 300 }, (_, i) => String(i)),
      );
      await subscriber.unsubscribe('news', 'other');
      await subscriber.punsubscribe('n*ws');
      await assert.rejects(subscriber.get('a'), /injected/, 'it is counted right after the confirmations');
      assert.equal(await subscriber.set('a', '1'), 'OK');
    });
  }

  it('refuses to subscribe, and to publish', async () => {
    await at.add({ target: 'subscribe:news', errorChance: 1, errorBody: 'NOPERM no channel for you' });
    await at.add({ target: 'publish*', errorChance: 1 });
    const redis = at.client();
    await assert.rejects(redis.subscribe('news'), /NOPERM no channel for you/);
    assert.equal(await redis.subscribe('olds'), 1);
    await assert.rejects(at.client().publish('olds', 'x'), /injected/);
  });

  it('aborts a transaction of which a command is refused: nothing of it takes place', async () => {
    await at.add({ target: 'incr:b', errorChance: 1, errorBody: 'OOM command not allowed' });
    const redis = at.client();
    await assert.rejects(
      redis.multi().incr('a').incr('b').incr('c').exec(),
      /EXECABORT Transaction discarded because of previous errors\./,
    );
    assert.deepEqual(await at.direct.mget('a', 'b', 'c'), [null, null, null]);
    assert.deepEqual(await redis.multi().incr('a').incr('c').exec(), [
      [null, 1],
      [null, 1],
    ]);
    // The same with each command sent when the one before it was answered.
    await redis.multi({ pipeline: false });
    await redis.incr('a');
    await assert.rejects(redis.incr('b'), /OOM/);
    await assert.rejects(redis.exec(), /EXECABORT/);
    assert.deepEqual([await redis.get('a'), await redis.get('b')], ['1', null]);
  });

  it('keeps transactions whole under errors, drops and latency', async () => {
    await at.add({ name: 'errors', target: 'all', errorChance: 0.1 });
    await at.add({ name: 'drops', target: 'all', errorChance: 0.02, dropConnection: true });
    await at.add({ name: 'late', target: 'all', latencyChance: 0.05, latencyMs: 3 });
    let [committed, aborted] = [0, 0];
    await Promise.all(
      Array.from({ length: 12 }, async (_, worker) => {
        for (let round = 0; round < 25; round++) {
          const redis = at.client({ protocol: worker % 2 === 0 ? 2 : 3 });
          const result = await redis.multi().decrby('from', 5).incrby('to', 5).exec().catch(failure);
          if (Array.isArray(result)) committed++;
          else aborted++;
          redis.disconnect();
        }
      }),
    );
    const [from, to] = (await at.direct.mget('from', 'to')).map(Number);
    assert.equal((from ?? 0) + (to ?? 0), 0, 'no transaction took place in part');
    assert.equal(to, 5 * committed, 'what was told to be done was done, and nothing else');
    assert.ok(committed > 0 && aborted > 0, `${committed} committed, ${aborted} aborted`);
  });

  it('keeps commands behind a blocking one waiting, and then answers them', async () => {
    await at.add({ target: 'get*', errorChance: 1 });
    const redis = at.client();
    const popped = redis.blpop('queue', 0);
    const refused = redis.get('a').catch(failure);
    const passed = redis.incr('n');
    // It is blocked once the server says so.
    while (!/cmd=blpop/.test(String(await at.direct.client('LIST')))) await new Promise((resolve) => setImmediate(resolve));
    await at.direct.rpush('queue', 'job');
    assert.deepEqual(await popped, ['queue', 'job']);
    assert.match(String(await refused), /injected/);
    assert.equal(await passed, 1);
  });

  it('shows MONITOR what reaches the server, and what is refused does not', async () => {
    await at.add({ target: 'get*', errorChance: 1 });
    const monitor = await at.client().monitor();
    const seen: string[] = [];
    monitor.on('monitor', (_time, args: string[]) => void seen.push(args.join(' ')));
    const redis = at.client();
    await assert.rejects(redis.get('hidden'), /injected/);
    await redis.set('shown', '1');
    const end = once(monitor, 'monitor');
    await redis.set('last', '1');
    await end;
    while (!seen.includes('set last 1')) await once(monitor, 'monitor');
    assert.ok(seen.includes('set shown 1'));
    assert.ok(!seen.some((line) => line.includes('hidden')));
    monitor.disconnect();
  });

  it('tells what it did to which command and key, and no values or passwords', async () => {
    await at.add({ name: 'refuse', target: 'set*', errorChance: 1 });
    await at.add({ name: 'bad-password', target: 'auth*', scope: 'setup', errorChance: 1, errorBody: 'WRONGPASS no' });
    const lines: TrafficLine[] = [];
    let heard = (): void => {};
    using _ = at.wire.listen(false, (batch) => {
      lines.push(...batch.lines);
      heard();
    });
    const redis = at.client();
    await assert.rejects(redis.set('cart:1', 's3cret'), /injected/);
    await assert.rejects(redis.auth('somebody', 's3cret'), /WRONGPASS/);
    while (lines.length < 2) await new Promise<void>((resolve) => (heard = resolve));
    assert.deepEqual(
      lines.map(({ action, policy, method, target, status, head }) => [action, policy, method, target, status, head]),
      [
        ['error', 'refuse', 'SET', 'cart:1', null, 'SET cart:1 (1 more argument, not shown)'],
        ['error', 'bad-password', 'AUTH', '', null, 'AUTH (2 more arguments, not shown)'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(lines), /s3cret/);
  });

  it('passes large values both ways, and drops a large value that is refused', async () => {
    const value = 'x'.repeat(5_000_000);
    const redis = at.client();
    await at.add({ target: 'set:refused', errorChance: 1 });
    assert.equal(await redis.set('large', value), 'OK');
    await assert.rejects(redis.set('refused', value), /injected/);
    assert.equal((await redis.get('large'))?.length, value.length);
    assert.equal(await at.direct.exists('refused'), 0);
  });
});

describe('a route whose policy ends', { skip: missing('redis-server'), timeout: 300_000 }, () => {
  let at: RedisStage;
  before(async () => void (at = await RedisStage.start()));
  after(() => at[Symbol.asyncDispose]());
  afterEach(() => at.clear());
  const ends: readonly (readonly [string, (id: string) => Promise<void> | void])[] = [
    ['HALT', () => at.wire.halt()],
    ['its removal', (id) => at.wire.remove(id)],
  ];
  for (const [name, end] of ends) {
    it(`lets go of what it held back on ${name}, in order, and leaves the connection usable`, async () => {
      const { id } = await at.add({ target: 'incr*', latencyChance: 1, latencyMs: 3_600_000 });
      const redis = at.client();
      await redis.set('n', '0');
      const waiting = [redis.incr('n'), redis.incr('n'), redis.get('n')];
      // The first is held back once it is counted.
      while ((at.wire.counters(id)?.matched ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve));
      await end(id);
      assert.deepEqual(await Promise.all(waiting), [1, 2, '2']);
      assert.equal(await redis.incr('n'), 3);
    });
    it(`refuses nothing more after ${name}`, async () => {
      const { id } = await at.add({ target: 'get*', errorChance: 1 });
      const redis = at.client();
      await assert.rejects(redis.get('a'), /injected/);
      await end(id);
      assert.equal(await redis.get('a'), null);
    });
  }
  it('takes hold of connections that are open already', async () => {
    const redis = at.client();
    assert.equal(await redis.get('a'), null);
    await at.add({ target: 'get*', errorChance: 1 });
    await assert.rejects(redis.get('a'), /injected/);
  });
  it('resets its clients when the server dies, as the server would', async () => {
    await using own = await RedisStage.start();
    const redis = own.client();
    await redis.set('a', '1');
    const closed = once(redis, 'close');
    process.kill(own.server.pid, 'SIGKILL');
    await closed;
    await assert.rejects(redis.get('a'));
  });
});
