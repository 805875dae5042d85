import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { temporary } from '../../../engine/lifecycle/test-parts.ts';
import { BUSY_MACHINE, eventually, firebreak, logOf, NOTHING_LEFT, startChild } from '../../crash/harness.ts';
import { startRedis } from '../../lab/redis.ts';
import { freePort, missing } from '../../lab/server.ts';

const skip = missing('redis-server');

test(
  'a client of Redis goes on when the engine is killed with -9: the route passes, and the fault is gone',
  { skip, timeout: 300_000 },
  async () => {
    using dir = temporary();
    await using server = await startRedis();
    const port = await freePort();
    const stateDir = join(dir.path, 'state');
    const text = `version: 1
routes:
  - { name: cache, protocol: redis, listen: "127.0.0.1:${port}", upstream: "${server.address}" }
policies:
  - { name: outage, type: redis, target: incr, error_chance: 1, error_body: "LOADING injected" }`;
    await using engine = startChild('../crash/engine-child.ts', [stateDir, 'none', text]);
    await engine.hears('active');
    // As applications have it: tries again for as long as it takes.
    const redis = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50, maxRetriesPerRequest: null });
    redis.on('error', () => {});
    try {
      await redis.set('n', '1');
      await assert.rejects(redis.incr('n'), /LOADING injected/);
      const transaction = redis.multi().set('half', 'done').incr('n').exec();
      await assert.rejects(transaction, /EXECABORT/);
      await engine.hears('bitten');
      await engine.kill();
      const goesOn = async (): Promise<boolean> => (await redis.get('n')) === '1';
      await eventually('the route passes again', goesOn, NOTHING_LEFT + BUSY_MACHINE, () => logOf(stateDir));
      assert.equal(await redis.incr('n'), 2);
      assert.equal(await redis.exists('half'), 0, 'nothing of the transaction took place');
      assert.deepEqual(JSON.parse(await firebreak('recover', '--json', '--state-dir', stateDir)), []);
    } finally {
      redis.disconnect();
      await firebreak('recover', '--close-routes', '--state-dir', stateDir);
    }
  },
);
