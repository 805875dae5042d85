import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SESSIONS } from '../../engine/wire/sessions.ts';
import * as grpc from '../fuzz/grpc.ts';
import * as http from '../fuzz/http.ts';
import * as http2 from '../fuzz/http2.ts';
import * as kafka from '../fuzz/kafka.ts';
import * as mongo from '../fuzz/mongo.ts';
import * as mysql from '../fuzz/mysql.ts';
import * as postgres from '../fuzz/postgres.ts';
import * as rabbitmq from '../fuzz/rabbitmq.ts';
import * as redis from '../fuzz/redis.ts';
import { FakeLink } from './fake-link.ts';
import { policy } from './parts.ts';

const late = { latencyChance: 1, latencyMs: 600_000 };
/** Whose messages can wait, and the scopes in which they do. */
const WAITING = [
  { name: 'http', of: http, scopes: [''] },
  { name: 'http2', of: http2, scopes: [''] },
  { name: 'grpc', of: grpc, scopes: ['', 'message:to-server', 'message:to-client'] },
  { name: 'postgres', of: postgres, scopes: [''] },
  { name: 'mysql', of: mysql, scopes: [''] },
  { name: 'redis', of: redis, scopes: [''] },
  { name: 'mongo', of: mongo, scopes: [''] },
  { name: 'kafka', of: kafka, scopes: ['', 'record'] },
  { name: 'rabbitmq', of: rabbitmq, scopes: [''] },
] as const;

function errorOf(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a message that waited and cannot go on', () => {
  for (const { name, of, scopes } of WAITING) {
    for (const scope of scopes) {
      it(`ends its connection: ${name}${scope === '' ? '' : `, ${scope}`}`, async () => {
        const session = await SESSIONS[of.protocol]();
        let broken = 0;
        for (const turns of of.seeds()) {
          const link = new FakeLink(of.protocol, session, [policy({ protocol: of.protocol, ...late, ...(scope !== '' && { scope }) })]);
          const { acts } = link.route;
          const delayed = acts.delayed.bind(acts);
          let waits = false;
          acts.delayed = (...what) => {
            waits = true;
            return delayed(...what);
          };
          for (const { from, bytes } of turns) if (!waits) link[from](bytes);
          if (!waits) continue;
          let failed = false;
          link.toUpstream = link.toClient = () => {
            failed = true;
            throw new Error('a bug');
          };
          const told = errorOf(() => link.holds.releaseAll());
          link.session.closed();
          // One whose bytes are not all here says nothing yet.
          if (!failed) continue;
          broken++;
          assert.deepEqual([String(told), link.wasReset], ['Error: a bug', true]);
        }
        assert.ok(broken > 0, 'nothing waited');
      });
    }
  }
});
