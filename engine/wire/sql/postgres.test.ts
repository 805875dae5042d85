import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { policies as fuzzed, seeds } from '../../../test/fuzz/postgres.ts';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import {
  authenticated, bind, complete, execute, message, notice, parse, query, ready, run, serverError, sslRequest, startup, sync, told,
} from '../../../test/wire/sql/raw.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { PassingSession, type SessionFactory } from '../session.ts';
import { POSTGRES } from './dialect.ts';
import { Statements } from './normalise.ts';
import { PostgresSession } from './postgres.ts';
import { FAILING_EXECUTE, FAILING_QUERY } from './postgres-messages.ts';
import { PreparedStatements } from './prepared.ts';
import { SniffingSession } from './sniff.ts';

const postgres: SessionFactory = (link) => new PostgresSession(link);
const linkOf = (...policies: readonly Partial<WirePolicy>[]): FakeLink =>
  new FakeLink('sql', postgres, policies.map((over) => policy({ protocol: 'sql', ...over })));
/** A connection that is ready for its first statement. */
const connected = (...policies: readonly Partial<WirePolicy>[]): FakeLink => {
  const link = linkOf(...policies).client(startup()).upstream(Buffer.concat([authenticated, ready()]));
  link.clear();
  return link;
};
const error = { errorChance: 1, target: 'bad', extra: { sqlstate: '40001' } };
const PROVOKED = serverError('34000', 'portal "firebreak refused this statement" does not exist');

describe('a session of PostgreSQL', () => {
  it('does the same with one byte at a time as with all at once', () => {
    for (const under of [[], ...fuzzed.map((one) => [one]), [{ errorChance: 1 }], [{ dropConnection: true, target: 'update' }]]) {
      for (const turns of seeds()) {
        const [whole, single] = [65_536, 1].map((size) => {
          const link = linkOf(...(under as Partial<WirePolicy>[]).map((one) => ({ ...one, seed: 1 })));
          for (const { from, bytes } of turns) for (let at = 0; at < bytes.length; at += size) link[from](bytes.subarray(at, at + size));
          return link;
        });
        assert.ok(whole !== undefined && single !== undefined);
        assert.deepEqual(told(single.clientGot), told(whole.clientGot));
        // A pipeline that is cut is rolled back, however much of it has reached the server.
        const sent = whole.closing ? single.upstreamGot.subarray(0, whole.upstreamGot.length) : single.upstreamGot;
        assert.ok(single.clientGot.equals(whole.clientGot) && sent.equals(whole.upstreamGot), JSON.stringify(under));
        assert.deepEqual([single.wasReset, single.closing, single.toldNotUnderstood], [whole.wasReset, whole.closing, whole.toldNotUnderstood]);
      }
    }
  });

  it('answers at once while nothing is under way, and does not ask the server', () => {
    const link = connected(error).client(query('SELECT bad'));
    assert.deepEqual(told(link.clientGot), ['E 40001', 'Z I']);
    assert.equal(link.upstreamGot.length, 0);
  });

  it('never puts its error into the middle of a message', () => {
    const link = connected(error).upstream(notice.subarray(0, 9)).client(query('SELECT bad'));
    assert.ok(link.upstreamGot.equals(FAILING_QUERY));
    link.upstream(Buffer.concat([notice.subarray(9), PROVOKED.subarray(0, 3)])).upstream(Buffer.concat([PROVOKED.subarray(3), ready()]));
    assert.deepEqual(told(link.clientGot), ['E 40001', 'Z I']);
    assert.ok(link.clientGot.subarray(0, notice.length).equals(notice));
  });

  it('passes an error that is not the one it provoked, whole or cut off', () => {
    for (const rest of [1, 0]) {
      const link = connected(error).client(Buffer.concat([run('SELECT bad'), sync]));
      const other = serverError('22012');
      link.upstream(other.subarray(0, rest === 1 ? other.length : 12));
      if (rest === 0) link.session.upstreamEnded();
      assert.ok(link.clientGot.equals(other.subarray(0, rest === 1 ? other.length : 12)));
    }
  });

  it('keeps the bytes of the server in order around an error that it replaces', () => {
    const link = connected(error).client(Buffer.concat([run('SELECT 1'), run('SELECT bad'), sync]));
    assert.ok(link.upstreamGot.includes(FAILING_EXECUTE));
    link.upstream(Buffer.concat([message('1'), message('2'), complete(), message('1'), message('2'), PROVOKED, ready(), notice]));
    assert.deepEqual(told(link.clientGot), ['1', '2', 'C SELECT 1', '1', '2', 'E 40001', 'Z I']);
    assert.ok(link.clientGot.subarray(-notice.length).equals(notice));
  });

  it('hears no Sync within the data of a COPY', () => {
    const link = connected(error).client(Buffer.concat([run('COPY t FROM STDIN'), sync])).upstream(message('G', Buffer.alloc(3)));
    link.client(Buffer.concat([message('d', Buffer.from('x')), message('c'), sync])).upstream(Buffer.concat([complete('COPY 1'), ready()]));
    link.clear();
    link.client(query('SELECT bad'));
    assert.deepEqual(told(link.clientGot), ['E 40001', 'Z I'], 'it knows that nothing is under way');
  });

  it('a drop waits for its turn, and passes when its policy has gone meanwhile', () => {
    for (const gone of [false, true]) {
      const link = connected({ target: 'bad', dropConnection: true }).client(Buffer.concat([query('SELECT 1'), query('SELECT bad')]));
      assert.ok(link.upstreamGot.equals(query('SELECT 1')) && !link.wasReset);
      if (gone) link.route.effects.install([]);
      link.upstream(Buffer.concat([complete(), ready()]));
      assert.equal(link.wasReset, !gone);
      assert.ok(link.clientGot.equals(Buffer.concat([complete(), ready()])));
      assert.equal(link.upstreamGot.equals(Buffer.concat([query('SELECT 1'), query('SELECT bad')])), gone);
    }
  });

  it('a delay holds back its whole pipeline, and nothing that came before it', async () => {
    const link = connected({ target: 'bad', latencyChance: 1, latencyMs: 20 });
    const [before, pipeline] = [Buffer.concat([run('SELECT 1'), sync]), Buffer.concat([run('SELECT 2'), run('SELECT bad'), sync, query('SELECT 3')])];
    link.client(Buffer.concat([before, pipeline]));
    assert.ok(link.upstreamGot.equals(before));
    link.client(query('SELECT 4'));
    while (link.upstreamGot.equals(before)) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(link.upstreamGot.equals(Buffer.concat([before, pipeline, query('SELECT 4')])));
  });

  it('what may have begun a transaction before a policy came is taken for one', () => {
    const link = connected().client(query('BEGIN'));
    link.route.effects.install([{ policy: policy({ protocol: 'sql', ...error }), slot: 0 }]);
    link.client(query('SELECT bad'));
    assert.ok(link.upstreamGot.equals(Buffer.concat([query('BEGIN'), query('SELECT bad')])));
  });

  it('passes on what is encrypted and what it does not know, and says so once', () => {
    const link = linkOf({ errorChance: 1 }).client(sslRequest).upstream(Buffer.from('S')).client(query('SELECT 1')).upstream(Buffer.from('anything'));
    assert.deepEqual([link.toldNotUnderstood.length, link.upstreamGot.length, String(link.clientGot)], [1, sslRequest.length + query('SELECT 1').length, 'Sanything']);
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from('\x16\x03\x01'), Buffer.alloc(9), Buffer.from([0, 0, 0, 8, 0, 2, 0, 0])]) {
      const other = linkOf({ errorChance: 1 }).client(bytes);
      assert.ok(other.upstreamGot.equals(bytes) && other.toldNotUnderstood.length === 1, bytes.toString('latin1'));
    }
    const broken = connected({ errorChance: 1 }).client(Buffer.from('Q\0\0\0\x01abc')).client(query('SELECT 1'));
    assert.ok(broken.upstreamGot.includes('SELECT 1') && broken.toldNotUnderstood.length === 1);
    const server = connected({ errorChance: 1 }).upstream(Buffer.from('Z\0\0\0\x01abc')).client(query('SELECT 1'));
    assert.ok(server.upstreamGot.includes('SELECT 1') && server.clientGot.includes('abc'));
  });

  it('bytes that nobody knows, in the middle of a refusal, keep neither the rest of it going nor the next statement back', () => {
    const long = query(`SELECT bad, '${'x'.repeat(50_000)}'`);
    const link = connected(error).client(long.subarray(0, 40_000)).upstream(Buffer.from('Z\0\0\0\x01abc'));
    link.client(Buffer.concat([long.subarray(40_000), query('SELECT 1')]));
    assert.ok(link.upstreamGot.equals(query('SELECT 1')), `${link.upstreamGot.length}`);
  });

  it('holds back no more than the beginning of a statement', () => {
    const long = query(`SELECT '${'x'.repeat(1_000_000)}'`);
    const link = connected(error).client(long.subarray(0, 10_000));
    assert.equal(link.upstreamGot.length, 0);
    link.client(long.subarray(10_000, 30_000));
    assert.equal(link.upstreamGot.length, 30_000);
  });
});

describe('prepared statements', () => {
  it('are remembered within bounds; what was not used for the longest time is forgotten', () => {
    const prepared = new PreparedStatements(POSTGRES);
    const statements = new Statements(POSTGRES);
    const name = (i: number): Buffer => Buffer.from(`name ${i}`);
    const known = (i: number): boolean => prepared.find(name(i), 0, name(i).length) !== undefined;
    for (const [length, least, most] of [[1_000, 1_000, 1_100], [4, 4_000, 4_200]] as const) {
      const text = Buffer.alloc(length, 'x');
      statements.read(text, 0, text.length);
      for (let i = 0; i < 10_000; i++) {
        prepared.remember(name(i), 0, name(i).length, statements);
        if (i > 0) assert.ok(known(0), 'one that is used stays');
      }
      const left = Array.from({ length: 10_000 }, (_, i) => known(i)).filter((one) => one).length;
      assert.ok(left > least && left < most, `${left}`);
      assert.ok(known(9_999) && !known(1));
    }
  });
  it('one that was forgotten passes unjudged', () => {
    const link = connected(error).client(Buffer.concat([bind('unknown'), execute(), sync]));
    assert.ok(link.upstreamGot.equals(Buffer.concat([bind('unknown'), execute(), sync])));
  });
  it('a portal keeps its statement when another one without a name follows', () => {
    const link = connected(error).client(Buffer.concat([parse('SELECT bad'), bind('', 'p'), parse('SELECT 1'), execute('p'), sync]));
    assert.ok(link.upstreamGot.includes(FAILING_EXECUTE));
  });
});

it('who speaks first tells the dialects apart', () => {
  const made: string[] = [];
  const factory = (name: string): SessionFactory => (link) => (made.push(name), new PassingSession(link));
  const link = (): FakeLink => new FakeLink('sql', (to) => new SniffingSession(to, factory('postgres'), factory('mysql')));
  assert.ok(link().connected, 'so that a server can speak first');
  assert.equal(String(link().client(Buffer.from('abc')).upstreamGot), 'abc');
  assert.equal(String(link().upstream(Buffer.from('abc')).clientGot), 'abc');
  assert.deepEqual(made, ['postgres', 'mysql']);
});
