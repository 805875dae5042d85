import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import { authenticated, bind, complete, execute, flush, message, parse, query, ready, run, serverError, startup, sync, told } from '../../../test/wire/sql/raw.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { PostgresSession } from './postgres.ts';
import { FAILING_EXECUTE } from './postgres-messages.ts';

const connected = (...policies: readonly Partial<WirePolicy>[]): FakeLink => {
  const link = new FakeLink('sql', (to) => new PostgresSession(to), policies.map((over) => policy({ protocol: 'sql', ...over })));
  link.client(startup()).upstream(Buffer.concat([authenticated, ready()]));
  link.clear();
  return link;
};
const error = { errorChance: 1, target: 'bad', extra: { sqlstate: '40001' } };
const PROVOKED = serverError('34000', 'portal "firebreak refused this statement" does not exist');

describe('at the edges of PostgreSQL', () => {
  it('lets go of a statement that waits its turn when the bytes of the server cannot be followed any more', () => {
    const link = connected({ target: 'bad', dropConnection: true }).client(Buffer.concat([query('SELECT 1'), query('SELECT bad'), query('SELECT 2')]));
    assert.ok(link.upstreamGot.equals(query('SELECT 1')));
    link.upstream(Buffer.from('Z\0\0\0\x01abc'));
    assert.ok(link.upstreamGot.equals(Buffer.concat([query('SELECT 1'), query('SELECT bad'), query('SELECT 2')])));
    assert.equal(link.wasReset, false);
  });

  it('never shows the client the error that it provoked, however the server counts', () => {
    // The server skips a Query as well until it hears Sync, and says nothing of it.
    const link = connected(error).client(Buffer.concat([run('SELECT 1/0'), query('SELECT 1'), sync]));
    link.upstream(Buffer.concat([serverError('22012'), ready()]));
    link.clear();
    link.client(Buffer.concat([run('SELECT bad'), sync]));
    assert.ok(link.upstreamGot.includes(FAILING_EXECUTE));
    link.upstream(Buffer.concat([PROVOKED, ready()]));
    assert.deepEqual(told(link.clientGot), ['E 40001', 'Z I']);
  });
  it('answers no Query that comes behind a refused message before its Sync: no server hears it', () => {
    const link = connected(error).client(Buffer.concat([run('SELECT bad'), query('SELECT bad'), sync]));
    link.upstream(Buffer.concat([message('1'), message('2'), PROVOKED, ready()]));
    assert.deepEqual(told(link.clientGot), ['1', '2', 'E 40001', 'Z I']);
    link.clear();
    assert.deepEqual(told(link.client(query('SELECT bad')).clientGot), ['E 40001', 'Z I'], 'it knows that nothing is under way');
  });

  it('keeps a portal that was bound while the answers before it were on their way', () => {
    const link = connected(error).client(Buffer.concat([query('SELECT 1'), parse('SELECT bad', 's'), bind('s', 'p'), flush]));
    link.upstream(Buffer.concat([complete(), ready()])).client(Buffer.concat([execute('p'), sync]));
    assert.ok(link.upstreamGot.includes(FAILING_EXECUTE));
  });

  it('says that it does not know the text of a statement, once it matters', () => {
    const unknown = Buffer.concat([bind('unknown'), execute(), sync]);
    assert.deepEqual(connected().client(unknown).toldNotUnderstood, []);
    const link = connected(error).client(unknown);
    assert.ok(link.upstreamGot.equals(unknown));
    assert.match(link.toldNotUnderstood.join(), /prepared statement/);
  });
  it('says that a statement is longer than what is looked at, once it matters', () => {
    const long = `SELECT '${'x'.repeat(20_000)}', bad`;
    for (const sent of [query(long), Buffer.concat([run(long), sync])]) {
      assert.deepEqual(connected().client(sent).toldNotUnderstood, []);
      const link = connected(error).client(sent);
      assert.ok(link.upstreamGot.equals(sent));
      assert.match(link.toldNotUnderstood.join(), /first 16384 bytes/);
    }
    assert.deepEqual(connected({ ...error, target: 'select' }).client(query(long)).toldNotUnderstood, [], 'what matches is known');
  });
  it('takes a transaction for open that may begin behind more statements than are told apart', () => {
    const link = connected(error).client(query(`${'SELECT 1;'.repeat(70)} BEGIN`));
    link.clear();
    assert.ok(link.client(query('SELECT bad')).upstreamGot.equals(query('SELECT bad')));
  });

  it('leaves a connection for replication alone: it has rules of its own', () => {
    for (const value of ['database', 'true', '1', 'on']) {
      const body = Buffer.from(`\0\x03\0\0user\0u\0replication\0${value}\0\0`);
      const length = Buffer.alloc(4);
      length.writeInt32BE(body.length + 4);
      const link = new FakeLink('sql', (to) => new PostgresSession(to), [policy({ protocol: 'sql', errorChance: 1, target: 'all' })]);
      link.client(Buffer.concat([length, body])).upstream(Buffer.concat([authenticated, ready()])).client(query('START_REPLICATION 0/0'));
      assert.ok(link.upstreamGot.includes('START_REPLICATION'), value);
      assert.match(link.toldNotUnderstood.join(), /replication/);
    }
  });
});
