import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { missing } from '../../../test/lab/server.ts';
import { figureOf } from '../../../test/support/fault-life.ts';
import { requestOf, type Stage, stage } from './test-stage.ts';

describe('the redis fault on real traffic', { skip: missing('redis-server'), timeout: 300_000 }, () => {
  let at: Stage;
  before(async () => {
    at = await stage();
    await at.direct.mset('cart:1', 'one', 'cart:2', 'two', 'stock', '7');
  });
  after(() => at[Symbol.asyncDispose]());

  it('answers with the error, and leaves other commands alone', async () => {
    const redis = at.client();
    const effect = await at.during(requestOf({ errorChance: 1, errorBody: 'LOADING Redis is loading the dataset in memory' }), async () => {
      await assert.rejects(redis.get('stock'), /^ReplyError: LOADING Redis is loading the dataset in memory$/);
      assert.equal(await redis.set('stock', '8'), 'OK');
      assert.deepEqual(await redis.mget('stock', 'cart:1'), ['8', 'one']);
    });
    assert.deepEqual(effect.figures, [{ name: 'error rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]);
    assert.equal(effect.bitten, true, effect.detail);
    assert.equal(await redis.get('stock'), '8');
  });

  it('delays what matches', async () => {
    const redis = at.client();
    const effect = await at.during(requestOf({ latencyChance: 1, latencyDuration: '60ms' }), async () => {
      const start = performance.now();
      assert.equal(await redis.get('cart:1'), 'one');
      assert.ok(performance.now() - start >= 60);
    });
    assert.ok((figureOf(effect, 'latency')?.delivered ?? 0) >= 60, effect.detail);
    assert.equal(effect.bitten, true);
  });

  it('resets the connection', async () => {
    const redis = at.client();
    await redis.set('stock', '9');
    const effect = await at.during(requestOf({ dropConnection: true }), async () => {
      const error = new Promise<NodeJS.ErrnoException>((resolve) => redis.once('error', resolve));
      await assert.rejects(redis.get('stock'));
      assert.equal((await error).code, 'ECONNRESET');
    });
    assert.equal(figureOf(effect, 'drop rate')?.delivered, 1);
    assert.equal(await at.client().get('stock'), '9');
  });

  it('makes reads of one family of keys miss, and nothing else', async () => {
    const redis = at.client();
    const effect = await at.during(requestOf({ miss: true, errorChance: 1 }, { target: 'get cart:*' }), async () => {
      assert.equal(await redis.get('cart:1'), null);
      assert.equal(await redis.get('stock'), '9');
      assert.deepEqual(await redis.mget('cart:1'), ['one']);
    });
    assert.deepEqual(effect.figures, [{ name: 'miss rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]);
    assert.match(effect.detail, /^1 read reached route cache get cart:\*: 1 answered with nothing$/);
    const every = await at.during(requestOf({ miss: true, errorChance: 1 }, { target: 'all' }), async () => {
      assert.deepEqual(await redis.mget('cart:1', 'cart:2'), [null, null]);
      assert.equal(await redis.exists('cart:1'), 0);
      assert.equal(await redis.set('cart:3', 'three'), 'OK', 'a write is no read');
      assert.equal(await redis.incr('stock'), 10);
    });
    assert.equal(figureOf(every, 'miss rate')?.samples, 2);
  });

  it('strikes every Nth', async () => {
    const redis = at.client();
    await at.during(requestOf({ errorChance: 1, everyNth: 3 }), async () => {
      const seen = await Promise.all(Array.from({ length: 9 }, () => redis.get('cart:1').catch(() => 'failed')));
      assert.deepEqual(seen, ['one', 'one', 'failed', 'one', 'one', 'failed', 'one', 'one', 'failed']);
    });
  });

  it('asks its condition', async () => {
    const redis = at.client();
    const when =
      "redis.key.startsWith('cart:') && redis.command == 'GET' && redis.args == 1 && redis.db == 0 && redis.resp == 3 && !redis.transaction";
    const effect = await at.during(requestOf({ errorChance: 1, when }, { target: 'all' }), async () => {
      await assert.rejects(redis.get('cart:1'), /ERR this error was injected by Firebreak/);
      assert.equal(await redis.get('stock'), '10');
      assert.equal(await redis.strlen('cart:1'), 3);
    });
    assert.equal(figureOf(effect, 'error rate')?.samples, 1);
  });

  it('never touches what the file protects, nor what sets a connection up unless it is named', async () => {
    const effect = await at.during(
      requestOf({ errorChance: 1 }, { target: 'all', ignored: ['PING', 'INFO', 'CONFIG', 'GET cart:'] }),
      async () => {
        const redis = at.client({ db: 2 });
        assert.equal(await redis.ping(), 'PONG');
        assert.match(await redis.info('server'), /redis_version/);
        assert.deepEqual(await redis.config('GET', 'port'), ['port', String(at.server.port)]);
        assert.match(String(await redis.client('LIST')), /db=2/);
        assert.equal(await redis.get('cart:1'), null, 'protected by command and key');
        await assert.rejects(redis.get('stock'), /injected/);
      },
    );
    assert.equal(figureOf(effect, 'error rate')?.samples, 1);
    await at.during(
      requestOf({ errorChance: 1, errorBody: 'WRONGPASS invalid username-password pair or user is disabled.' }, { target: 'auth' }),
      async () => {
        const redis = at.client({ lazyConnect: true });
        await assert.rejects(redis.auth('secret'), /WRONGPASS/);
      },
    );
  });

  it('says what is wrong with its target', async () => {
    const { signal } = new AbortController();
    await assert.rejects(at.injector.plan(requestOf({ miss: true, errorChance: 1 }, { target: 'set' }), signal), {
      code: 'bad-target',
      message: 'policy p: SET is no read that can miss',
      hint: /aim at a read/,
    });
    const effect = await at.during(requestOf({ errorChance: 1 }, { target: 'get cart:1 cart:2' }), async () => {});
    assert.match(effect.detail, /^no command reached route cache get cart:1 cart:2; a target is a command and at most one key/);
    const [plan] = await at.injector.plan(requestOf({ miss: true, errorChance: 0.3 }, { target: 'get cart:*' }), signal);
    assert.equal(
      plan?.action,
      'Add the policy to the wire on route cache: answers 30 % of get commands on cart:* with nothing, as if the key were not there.',
    );
    await assert.rejects(at.injector.plan(requestOf({}, { routes: [] }), signal), { code: 'no-route' });
  });
});
