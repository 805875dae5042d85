import assert from 'node:assert/strict';
import { Metadata, status } from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import { Agent, request } from 'node:https';
import { type TLSSocket } from 'node:tls';
import { startRedis } from '../../lab/redis.ts';
import { startService } from '../../support/service.ts';
import { Buyer, Shop } from '../grpc/parts.ts';
import { again, type Case, Tally, times } from './parts.ts';

/** Services that call another one over the wire. */

/** Tries again what is UNAVAILABLE and waits for no call longer than this, in milliseconds; or does neither. */
const DEADLINE = 2_000;
export async function grpc(): Promise<Case> {
  const shop = await Shop.start();
  return {
    upstream: shop.address,
    // A call that is late takes 3 s.
    durationMs: 8_000,
    service: (careful) => async (listen) => {
      const buyer = new Buyer(listen);
      const tally = new Tally();
      const place = (): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const options = careful ? { deadline: Date.now() + DEADLINE } : {};
          buyer.client['Place']?.({ number: 1, filling: Buffer.alloc(1) }, new Metadata(), options, (error: { code: status } | null, receipt: unknown) => {
            if (error === null) return resolve(receipt);
            tally.add(status[error.code] ?? '');
            reject(error);
          });
        });
      const meant = (error: unknown): boolean => [status.UNAVAILABLE, status.DEADLINE_EXCEEDED].includes((error as { code: status }).code);
      return {
        noticed: tally.counts,
        serve: () => times(10, () => again(careful, meant, place)),
        [Symbol.asyncDispose]: async () => buyer[Symbol.dispose](),
      };
    },
    learnt: ({ UNAVAILABLE = 0, DEADLINE_EXCEEDED = 0, ...others }) => {
      assert.ok(UNAVAILABLE > 0 && DEADLINE_EXCEEDED > 0, 'some found it unavailable, and for some it took too long');
      assert.deepEqual(others, {});
    },
    [Symbol.asyncDispose]: () => shop[Symbol.asyncDispose](),
  };
}

/** A pool of connections to a Redis that Firebreak does not understand; what is cut off is opened anew and asked again, or not. */
const POOL = 8;
export async function tcp(): Promise<Case> {
  const server = await startRedis();
  return {
    upstream: server.address,
    service: (careful) => async (listen) => {
      const tally = new Tally();
      const [host = '', port = ''] = listen.split(':');
      const options = { retryStrategy: () => 10, maxRetriesPerRequest: careful ? 30 : 0 };
      const pool = Array.from({ length: POOL }, () =>
        new Redis({ host, port: Number(port), ...options }).on('error', ({ code }: NodeJS.ErrnoException) => tally.add(code ?? 'closed')),
      );
      return {
        noticed: tally.counts,
        serve: () => times(POOL, async (index) => void (await pool[index]?.ping())),
        [Symbol.asyncDispose]: async () => {
          for (const client of pool) client.disconnect();
        },
      };
    },
    learnt: ({ ECONNRESET = 0, ...others }) => {
      assert.ok(ECONNRESET > 0, 'connections were cut off');
      assert.deepEqual(others, {});
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Calls over the connection that it keeps open, or over a new one each time; looks in by others that verify, and that do not. */
export async function tls(): Promise<Case> {
  const server = await startService((_request, answer) => answer.end('price 7'));
  return {
    upstream: server.address,
    service: (careful) => async (listen, ca) => {
      const port = Number(listen.split(':').at(-1));
      const tally = new Tally();
      const kept = new Agent({ keepAlive: true, maxSockets: 1 });
      const call = (agent: Agent | false, verify = true): Promise<void> =>
        new Promise((resolve, reject) => {
          const asked = request({ host: 'localhost', family: 4, port, path: '/', ca, agent, rejectUnauthorized: verify }, (answer) => {
            if (!verify && !(answer.socket as TLSSocket).authorized) tally.add('not verified');
            answer.resume().once('end', resolve).once('error', reject);
          });
          asked.once('error', (error: NodeJS.ErrnoException) => {
            if (agent === false) tally.add(error.code ?? String(error));
            reject(error);
          });
          asked.end();
        });
      const expired = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'CERT_HAS_EXPIRED';
      return {
        noticed: tally.counts,
        serve: async () => {
          await call(false, false);
          if (!careful) return call(false);
          await call(false).catch((error: unknown) => assert.ok(expired(error), String(error)));
          return again(true, expired, () => call(kept));
        },
        [Symbol.asyncDispose]: async () => kept.destroy(),
      };
    },
    learnt: ({ CERT_HAS_EXPIRED = 0, 'not verified': blind = 0, ...others }) => {
      assert.ok(CERT_HAS_EXPIRED > 0, 'who verifies finds out');
      assert.ok(blind > 0, 'who does not verify is served nevertheless');
      assert.deepEqual(others, {});
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
