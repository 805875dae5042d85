import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { RunOutcome } from '../../../engine/contract/api.ts';
import { engineIn } from '../../../engine/test-engine.ts';
import { redisClient, startRedis } from '../../lab/redis.ts';
import { missing } from '../../lab/server.ts';

const never = new AbortController().signal;

/**
 * The template of the library as a reader would fill it in, on a service that keeps its sessions in Redis.
 * @param database whether the service has somewhere else to look when a session misses.
 */
async function runTemplate(database: boolean): Promise<RunOutcome> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'firebreak-redis-'));
  stack.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  const server = stack.use(await startRedis());
  const { api } = stack.use(await engineIn(dir));
  const wanted = { name: 'my-cache', protocol: 'redis' as const, listen: '127.0.0.1:0', upstream: server.address };
  const [route] = await api.commands.openRoutes({ routes: [wanted] }, never);
  assert.ok(route);
  const cache = redisClient(Number(route.listen.split(':').at(-1)));
  stack.defer(() => cache.disconnect());
  await cache.set('session:42', 'somebody');
  await cache.hset('profile:42', { name: 'somebody' });
  const service = createServer((_request, answer) => {
    const session = Promise.all([cache.get('session:42'), cache.hgetall('profile:42')]);
    session.then(
      ([found, profile]) => answer.writeHead((found !== null || database) && profile['name'] === 'somebody' ? 200 : 500).end(),
      () => answer.writeHead(502).end(),
    );
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  stack.defer(() => {
    service.closeAllConnections();
    service.close();
  });
  const file = await readFile(join(import.meta.dirname, '../../../assets/experiments/redis-misses.yaml'), 'utf8');
  const text = file
    .replace('127.0.0.1:8080', `127.0.0.1:${(service.address() as AddressInfo).port}`)
    // How fast this machine is today is not the question.
    .replace('every: 500ms, timeout: 2s', 'every: 100ms, timeout: 30s, window: 2s')
    .replace('p95 < 1000', 'p95 < 30000');
  const overrides = { durationMs: 2_000, baselineMs: 1_000, recoveryMs: 3_000 };
  const { run } = await api.commands.run({ text, file: 'mine.yaml', overrides, routes: [route] }, never);
  const outcome = await api.queries.outcome({ run }, never);
  assert.deepEqual((await api.queries.open({}, never)).open, []);
  assert.equal(await cache.get('session:42'), 'somebody', 'the connection goes on');
  return outcome;
}

describe('the experiment on a cache', { skip: missing('redis-server'), timeout: 300_000, concurrency: 1 }, () => {
  it('holds for a service that can do without its cache', async () => {
    const outcome = await runTemplate(true);
    assert.equal(outcome.verdict, 'held', outcome.reason);
    const misses = outcome.faults.find(({ policy }) => policy === 'sessions-miss');
    assert.ok(misses?.effect.bitten === true && misses.reverted, JSON.stringify(misses));
    assert.ok(
      misses.effect.figures.some(({ name, requested, delivered }) => name === 'miss rate' && requested === 0.5 && (delivered ?? 0) > 0.2),
    );
  });
  it('is refuted for one that cannot', async () => {
    const outcome = await runTemplate(false);
    assert.ok(['refuted', 'aborted'].includes(outcome.verdict ?? ''), `${outcome.verdict}: ${outcome.reason}`);
  });
});
