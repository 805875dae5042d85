import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import { authenticated, bind, cancelOf, complete, execute, keyData, parse, query, ready, run, serverError, startup, sync, told } from '../../../test/wire/sql/raw.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import type { OpenRoute } from '../open-route.ts';
import type { SessionFactory } from '../session.ts';
import { PostgresSession } from './postgres.ts';
import { FAILING_EXECUTE, FAILING_QUERY } from './postgres-messages.ts';

const postgres: SessionFactory = (link) => new PostgresSession(link);
const held: Partial<WirePolicy> = { target: 'held', latencyChance: 1, latencyMs: 600_000 };
const PROVOKED = serverError('34000', 'portal "firebreak refused this statement" does not exist');
const SECRET = Buffer.from('pid+secret');

/** A connection that is ready for its first statement, and knows what to cancel it by. */
function connected(secret = SECRET): FakeLink {
  const link = new FakeLink('sql', postgres, [policy({ protocol: 'sql', ...held })]).client(startup());
  for (const byte of Buffer.concat([authenticated, keyData(secret), ready()])) link.upstream(Buffer.from([byte]));
  link.clear();
  return link;
}
/** Another connection of the same route, which asks for that to be cancelled. */
function cancel({ route }: FakeLink, secret = SECRET): FakeLink {
  const over: Partial<OpenRoute> = { cancels: route.cancels };
  const link = new FakeLink('sql', postgres, [], over);
  for (const byte of cancelOf(secret)) link.client(Buffer.from([byte]));
  return link;
}
/** It was cancelled here: the server never hears of that. */
const struck = (link: FakeLink): void => assert.deepEqual([link.closing, link.wasReset, link.upstreamGot.length], [true, false, 0]);
/** It went on to the server. */
const passed = (link: FakeLink, secret = SECRET): void => assert.ok(!link.closing && link.upstreamGot.equals(cancelOf(secret)));
async function until(met: () => boolean): Promise<void> {
  while (!met()) await new Promise((resolve) => setImmediate(resolve));
}

describe('a client of PostgreSQL that cancels', () => {
  it('hears at once of a query that is held back, which never reaches the server', async () => {
    for (const secret of [Buffer.alloc(8, 1), Buffer.alloc(260, 2)]) {
      const link = connected(secret).client(query('SELECT held'));
      struck(cancel(link, secret));
      await until(() => link.clientGot.length > 0);
      assert.deepEqual([told(link.clientGot), link.upstreamGot.length], [['E 57014', 'Z I'], 0]);
      assert.match(String(link.clientGot), /canceling statement due to user request/);
      const counted = link.totals.policy(0);
      assert.deepEqual([counted.latencies, counted.errors, link.totals.route(0, 'r').errors], [1, 0, 0], 'late, but not failed by the policy');
      link.clear();
      assert.ok(link.client(query('SELECT 1')).upstreamGot.equals(query('SELECT 1')));
      passed(cancel(link, secret), secret);
    }
  });

  it('within a transaction, leaves it failed as a server does', async () => {
    const link = connected().client(query('BEGIN')).upstream(Buffer.concat([complete('BEGIN'), ready('T')]));
    link.clear();
    link.client(query('SELECT held'));
    struck(cancel(link));
    await until(() => link.upstreamGot.length > 0);
    assert.ok(link.upstreamGot.equals(FAILING_QUERY));
    link.upstream(Buffer.concat([PROVOKED, ready('E')]));
    assert.deepEqual(told(link.clientGot), ['E 57014', 'Z E']);
  });

  it('of a pipeline, has the server skip the rest of it', async () => {
    const link = connected().client(Buffer.concat([run('SELECT 1'), parse('SELECT held'), bind(), execute(), run('SELECT 2'), sync, query('SELECT 3')]));
    assert.equal(link.upstreamGot.length, 0);
    struck(cancel(link));
    await until(() => link.upstreamGot.length > 0);
    assert.ok(link.upstreamGot.equals(Buffer.concat([run('SELECT 1'), parse('SELECT held'), bind(), FAILING_EXECUTE, run('SELECT 2'), sync, query('SELECT 3')])));
    link.upstream(Buffer.concat([complete(), PROVOKED, ready(), complete(), ready()]));
    assert.deepEqual(told(link.clientGot), ['C SELECT 1', 'E 57014', 'Z I', 'C SELECT 1', 'Z I']);
  });

  it('means what runs on the server, as long as that is not answered', async () => {
    const link = connected().client(query('SELECT 1')).client(query('SELECT held'));
    passed(cancel(link));
    link.upstream(Buffer.concat([serverError('57014'), ready()]));
    struck(cancel(link));
    await until(() => link.clientGot.includes('canceling'));
    assert.deepEqual(told(link.clientGot), ['E 57014', 'Z I', 'E 57014', 'Z I']);
    assert.ok(link.upstreamGot.equals(query('SELECT 1')));
  });

  it('with another key, on another route, or too late, is passed on', () => {
    const link = connected().client(query('SELECT held'));
    passed(cancel(link, Buffer.from('another one')), Buffer.from('another one'));
    const elsewhere = new FakeLink('sql', postgres, [], { cancels: link.route.cancels, slot: 1 }).client(cancelOf(SECRET));
    passed(elsewhere);
    link.holds.releaseAll();
    assert.ok(link.upstreamGot.equals(query('SELECT held')));
    passed(cancel(link));
    link.upstream(Buffer.concat([complete(), ready()])).client(query('SELECT held'));
    link.session.closed();
    passed(cancel(link));
  });

  it('in the moment in which the delay ends, has cancelled it', () => {
    const link = connected().client(query('SELECT held'));
    struck(cancel(link));
    link.holds.releaseAll();
    assert.deepEqual([told(link.clientGot), link.upstreamGot.length], [['E 57014', 'Z I'], 0]);
  });
});
