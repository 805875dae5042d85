import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seeds } from '../../../test/fuzz/mysql.ts';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import type { Turn } from '../../../test/wire/replay.ts';
import * as my from '../../../test/wire/sql/mysql-packets.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { mysqlSession } from './session.ts';

const failing = (over: Partial<WirePolicy> = {}): WirePolicy => policy({ protocol: 'sql', target: 'all', errorChance: 1, errorBody: 'no', ...over });
const error = (sequence: number): Buffer => my.failure(sequence, 1105);

/** A session after these turns, with what was written for them forgotten. */
function after(turns: readonly Turn[], ...policies: readonly WirePolicy[]): FakeLink {
  const link = new FakeLink('sql', mysqlSession, policies);
  for (const { from, bytes } of turns) {
    if (from === 'client') link.client(bytes);
    else link.upstream(bytes);
  }
  link.clear();
  return link;
}
/** Whether the next statement is answered here, with nothing sent on. */
function failsNext(link: FakeLink): void {
  link.clear();
  link.client(my.query('SELECT 1'));
  assert.deepEqual(link.clientGot, error(1));
  assert.equal(link.upstreamGot.length, 0);
}
const passesNext = (link: FakeLink): void => {
  link.clear();
  link.client(my.query('SELECT 1'));
  assert.deepEqual(link.upstreamGot, my.query('SELECT 1'));
};

describe('where answers end', () => {
  // Each is passed by a policy for another statement first; then a statement must fail at once, not wait its turn.
  const other = failing({ target: 'SELECT 1' });
  const understood = (what: string, flags: number, turns: readonly Turn[], extended = 0): void =>
    void it(what, () => failsNext(after([...my.opening(flags, extended), ...turns], other)));
  const asked = my.client(my.query('SELECT a FROM t'));

  understood('OK', my.PLAIN, [my.client(my.query('DELETE FROM t')), my.upstream(my.ok(1))]);
  understood('ERR to what cannot begin a transaction', my.PLAIN, [asked, my.upstream(my.failure(1, 1146))]);
  understood('rows with EOF', my.PLAIN, [asked, my.upstream(my.rows())]);
  understood('rows with CLIENT_DEPRECATE_EOF', my.PLAIN | my.FLAG.deprecateEof, [asked, my.upstream(my.newRows())]);
  understood('an error after some rows', my.PLAIN, [asked, my.upstream(Buffer.concat([my.packet(1, 1), my.column(2), my.eof(3), my.packet(4, 1, '1'), my.failure(5, 1317)]))]);
  understood('several results', my.PLAIN, [asked, my.upstream(Buffer.concat([my.rows(my.AUTOCOMMIT | my.MORE), my.rows()]))]);
  understood('results that end with OK', my.PLAIN, [asked, my.upstream(Buffer.concat([my.rows(my.AUTOCOMMIT | my.MORE), my.ok(6)]))]);
  understood('a row that looks like an end', my.PLAIN, [asked, my.upstream(Buffer.concat([my.packet(1, 1), my.column(2), my.eof(3), my.packet(4, 0xfe, Buffer.alloc(16, 7)), my.eof(5)]))]);
  understood('a progress report', my.PLAIN, [asked, my.upstream(Buffer.concat([my.packet(1, 0xff, my.int2(0xffff), 1, 1, 1, 0, 0, 0, 0), my.rows()]))]);
  understood('metadata left out (MySQL)', my.PLAIN | my.FLAG.deprecateEof | my.FLAG.optionalMetadata, [asked, my.upstream(Buffer.concat([my.packet(1, 0, 1), my.packet(2, 1, '1'), my.ok(3, 2, 0xfe)]))]);
  understood('metadata there (MySQL)', my.PLAIN | my.FLAG.deprecateEof | my.FLAG.optionalMetadata, [asked, my.upstream(Buffer.concat([my.packet(1, 1, 1), my.column(2), my.packet(3, 1, '1'), my.ok(4, 2, 0xfe)]))]);
  understood('metadata left out (MariaDB)', my.PLAIN | my.FLAG.deprecateEof, [asked, my.upstream(Buffer.concat([my.packet(1, 1, 0), my.packet(2, 1, '1'), my.ok(3, 2, 0xfe)]))], 0x10);
  understood('a file', my.PLAIN, [
    my.client(my.query("SELECT 'load'")), my.upstream(my.packet(1, 0xfb, 'x.csv')), my.client(my.packet(2, '1,2\n')), my.client(my.packet(0, 'a piece with the number of a command')),
    my.client(my.packet(4)), my.upstream(my.ok(5)),
  ]);
  const definitions = (...answer: readonly Buffer[]): Turn[] => [my.client(my.prepare('SELECT ?')), my.upstream(Buffer.concat(answer))];
  understood('a prepared statement', my.PLAIN, definitions(my.prepared(1, 1, 1), my.column(2), my.eof(3), my.column(4), my.eof(5)));
  understood('one without columns', my.PLAIN, definitions(my.prepared(1, 0, 2), my.column(2), my.column(3), my.eof(4)));
  understood('one with neither', my.PLAIN, definitions(my.prepared(1, 0, 0)));
  understood('one with CLIENT_DEPRECATE_EOF', my.PLAIN | my.FLAG.deprecateEof, definitions(my.prepared(1, 1, 1), my.column(2), my.column(3)));
  understood('a cursor and its rows', my.PLAIN, [
    ...definitions(my.prepared(1, 1, 0), my.column(2), my.eof(3)), my.client(my.packet(0, 0x17, my.int4(1), 1, my.int4(1))),
    my.upstream(Buffer.concat([my.packet(1, 1), my.column(2), my.eof(3, my.AUTOCOMMIT | 0x40)])), my.client(my.packet(0, 0x1c, my.int4(1), my.int4(2))),
    my.upstream(Buffer.concat([my.packet(1, 0, 0, 5), my.eof(2, my.AUTOCOMMIT | 0x80)])),
  ]);
  understood('pings, statistics, fields, and what nobody answers', my.PLAIN, [
    my.client(my.packet(0, 0x0e)), my.upstream(my.ok(1)), my.client(my.packet(0, 0x09)), my.upstream(my.packet(1, 'Uptime: 1')),
    my.client(my.packet(0, 4, 't\0')), my.upstream(Buffer.concat([my.column(1), my.eof(2)])), my.client(my.packet(0, 0x19, my.int4(1))),
    my.client(my.packet(0, 0x1b, 0, 0)), my.upstream(my.eof(1)),
  ]);
  understood('credentials in the middle', my.PLAIN, [
    my.client(my.packet(0, 0x11, 'app\0')), my.upstream(my.packet(1, 0xfe, 'caching_sha2_password\0')), my.client(my.packet(2, 'hash')), my.upstream(my.packet(3, 1, 4)),
    my.client(my.packet(4, 'secret\0')), my.upstream(my.ok(5)),
  ]);
});

describe('the rules of transactions', () => {
  const everything = failing();
  const state = (status: number): Turn[] => [...my.opening(), my.client(my.packet(0, 0x0e)), my.upstream(my.ok(1, status))];
  it('fails nothing within one, nor without autocommit', () => {
    passesNext(after(state(my.IN_TRANSACTION), everything));
    passesNext(after(state(0), everything));
    failsNext(after(state(my.AUTOCOMMIT), everything));
  });
  it('fails BEGIN, and never COMMIT or ROLLBACK', () => {
    const link = after(my.opening(), everything);
    for (const sql of ['BEGIN', 'START TRANSACTION', '/* now */ begin']) {
      link.clear();
      assert.deepEqual(link.client(my.query(sql)).clientGot, error(1), sql);
    }
    for (const sql of ['COMMIT', 'ROLLBACK', 'rollback and chain', '-- x\ncommit']) {
      link.clear();
      assert.deepEqual(link.client(my.query(sql)).upstreamGot, my.query(sql), sql);
      link.upstream(my.ok(1));
    }
  });
  it('fails nothing after an error that may have left one open', () => {
    const link = after(my.opening(), failing({ target: 'SELECT 1' }));
    link.client(my.query('CALL p()')).upstream(my.failure(1, 1644));
    passesNext(link);
    link.upstream(my.rows());
    failsNext(link);
  });
  it('fails nothing that was sent before the answer to BEGIN', () => {
    const link = after(my.opening(), failing({ target: 'INSERT INTO t' }));
    const [begin, insert] = [my.query('BEGIN'), my.query('insert into t values (1)')];
    link.client(Buffer.concat([begin, insert]));
    assert.deepEqual(link.upstreamGot, Buffer.concat([begin, insert]));
  });
  it('fails nothing behind statements of which so much is not known that a BEGIN may be among them', () => {
    const [long, insert] = [my.query(`SELECT '${'x'.repeat(20_000)}'; BEGIN`), my.query('insert into t values (1)')];
    const several = my.client(my.packet(0, 0x1b, 0, 0));
    const one = my.client(my.packet(0, 0x1b, 1, 0));
    const set = my.upstream(my.eof(1));
    const sent = (...turns: readonly Turn[]): Buffer => after(turns, failing({ target: 'INSERT INTO t' })).client(Buffer.concat([long, insert])).upstreamGot;
    const both = Buffer.concat([long, insert]);
    assert.deepEqual(sent(...my.opening(my.PLAIN | my.FLAG.multi)), both);
    assert.deepEqual(sent(...my.opening(), several, set), both, 'COM_SET_OPTION');
    // One statement alone cannot hide another.
    assert.deepEqual(sent(...my.opening()), long);
    assert.deepEqual(sent(...my.opening(my.PLAIN | my.FLAG.multi), one, set), long);
    const link = after(my.opening(my.PLAIN | my.FLAG.multi), failing({ target: 'SELECT 1' }));
    link.client(long).upstream(my.failure(1, 1064));
    passesNext(link);
    link.upstream(my.rows());
    failsNext(link);
  });
});

describe('a refusal', () => {
  it('takes its turn', () => {
    const link = after(my.opening(), failing({ target: 'SELECT 2' }));
    const [one, two, three] = [my.query('SELECT 1'), my.query('SELECT 2'), my.query('SELECT 3')];
    link.client(Buffer.concat([one, two, three]));
    assert.deepEqual(link.upstreamGot, one);
    link.upstream(my.rows());
    assert.deepEqual(link.clientGot, Buffer.concat([my.rows(), error(1)]));
    assert.deepEqual(link.upstreamGot, Buffer.concat([one, three]));
  });
  it('counts on from the last packet of a statement of 16 MiB and more, of which it keeps nothing', () => {
    const link = after(my.opening(), failing());
    const sql = my.query(`INSERT INTO t VALUES ('${'x'.repeat(0x100_0100)}')`);
    for (let at = 0; at < sql.length; at += 65_536) {
      link.client(sql.subarray(at, at + 65_536));
      if (at > 0) assert.equal(link.session.full, false);
    }
    assert.deepEqual(link.clientGot, error(2));
    assert.equal(link.upstreamGot.length, 0);
    failsNext(link);
  });
  it('of an execution is judged by the SQL that was prepared', () => {
    const link = after([...my.opening(), my.client(my.prepare('DELETE FROM carts WHERE id = ?')), my.upstream(Buffer.concat([my.prepared(9, 0, 1), my.column(2), my.eof(3)]))], failing({ target: 'DELETE FROM carts' }));
    const run = my.execute(9, Buffer.from([0]), Buffer.from([3, 0]), my.int4(77));
    assert.deepEqual(link.client(run).clientGot, error(1));
    link.clear();
    assert.deepEqual(link.client(my.execute(8, Buffer.from([0]), Buffer.from([3, 0]), my.int4(77))).clientGot.length, 0, 'unknown statements are left alone');
  });
  it('of a statement of which too little is known is told, once it matters', () => {
    const other = failing({ target: 'needle' });
    const long = `SELECT '${'x'.repeat(20_000)}', needle`;
    assert.deepEqual(after([...my.opening(), my.client(my.query(long))]).toldNotUnderstood, []);
    assert.match(after([...my.opening(), my.client(my.query(long))], other).toldNotUnderstood.join(), /first 16384 bytes/);
    const known = [...my.opening(), my.client(my.prepare(long)), my.upstream(my.prepared(9, 0, 0))];
    assert.match(after([...known, my.client(my.execute(9, Buffer.alloc(0), undefined, Buffer.alloc(0)))], other).toldNotUnderstood.join(), /first 16384 bytes/);
    assert.match(after([...known, my.client(my.execute(8, Buffer.alloc(0), undefined, Buffer.alloc(0)))], other).toldNotUnderstood.join(), /prepared statement/);
  });
  it('of an execution lets the next one tell the types, and takes back what was sent ahead', () => {
    const bad = failing();
    const link = after([...my.opening(), my.client(my.prepare('DELETE FROM carts WHERE id = ?')), my.upstream(Buffer.concat([my.prepared(9, 0, 1), my.column(2), my.eof(3)]))], bad);
    const ahead = my.packet(0, 0x18, my.int4(9), my.int2(0), 'long');
    link.client(ahead).client(my.execute(9, Buffer.from([0]), Buffer.from([0xfe, 0]), Buffer.alloc(0)));
    assert.deepEqual(link.clientGot, error(1));
    assert.deepEqual(link.upstreamGot, Buffer.concat([ahead, my.packet(0, 0x1a, my.int4(9))]), 'COM_STMT_RESET');
    link.clear();
    const answer = my.ok(1);
    for (const byte of answer) link.upstream(Buffer.from([byte]));
    assert.equal(link.clientGot.length, 0, 'nobody asked for that answer');
    link.route.effects.install([]);
    const values = Buffer.from([4, 1, 2, 3, 4]);
    for (const byte of my.execute(9, Buffer.from([0]), undefined, values)) link.client(Buffer.from([byte]));
    assert.deepEqual(link.upstreamGot, my.execute(9, Buffer.from([0]), Buffer.from([0xfe, 0]), values));
    for (const byte of my.ok(1)) link.upstream(Buffer.from([byte]));
    assert.deepEqual(link.clientGot, my.ok(1));
  });
});

describe('what is not understood passes', () => {
  const told = (turns: readonly Turn[], why: RegExp): void => {
    const link = new FakeLink('sql', mysqlSession, [failing()]);
    for (const { from, bytes } of turns) {
      for (const byte of bytes) {
        if (from === 'client') link.client(Buffer.from([byte]));
        else link.upstream(Buffer.from([byte]));
      }
    }
    assert.match(link.toldNotUnderstood.join(), why);
    const said = (who: Turn['from']): Buffer => Buffer.concat(turns.filter(({ from }) => from === who).map(({ bytes }) => bytes));
    assert.deepEqual([link.clientGot, link.upstreamGot], [said('upstream'), said('client')]);
  };
  const noise = Buffer.from([1, 0, 0, 0, 3, 255, 0, 9, 8, 7]);
  it('TLS', () => told([my.upstream(my.greeting()), my.client(my.tlsRequest()), my.client(noise), my.upstream(noise)], /encrypted/));
  it('compression', () => told([...my.opening(my.PLAIN | my.FLAG.compress), my.client(noise), my.upstream(noise)], /compressed/));
  it('replication', () => told([...my.opening(), my.client(my.packet(0, 0x12, 'x')), my.upstream(noise)], /log of changes/));
  it('commands that do not exist', () => told([...my.opening(), my.client(my.packet(0, 0x7f)), my.client(noise), my.upstream(noise)], /command/));
  it('other servers', () => told([my.upstream(Buffer.from('220 mail ESMTP\r\n\0\0\0'.padEnd(4_000_00, ' '))), my.client(noise)], /greet/));
});

describe('pieces', () => {
  const through = (turns: readonly Turn[], piece: number, policies: readonly WirePolicy[]): FakeLink => {
    const link = new FakeLink('sql', mysqlSession, policies);
    for (const { from, bytes } of turns) {
      for (let at = 0; at < bytes.length; at += piece) {
        const part = bytes.subarray(at, at + piece);
        if (from === 'client') link.client(part);
        else link.upstream(part);
      }
    }
    return link;
  };
  for (const policies of [[], [failing({ target: 'INSERT INTO t' })], [failing({ target: 'connect', scope: 'connect' })], [failing({ dropConnection: true, target: 'SELECT' })]]) {
    it(`change nothing about what comes out: ${policies[0]?.target ?? 'no policy'}`, () => {
      for (const turns of seeds()) {
        const whole = through(turns, 1_000_000, policies);
        for (const piece of [1, 2, 3, 5, 7, 33, 64]) {
          const parts = through(turns, piece, policies);
          assert.deepEqual([parts.clientGot, parts.upstreamGot, parts.wasReset], [whole.clientGot, whole.upstreamGot, whole.wasReset], `pieces of ${piece}`);
        }
      }
    });
  }
  it('conditions know what travels in query attributes', () => {
    const link = after(my.opening(my.PLAIN | my.FLAG.queryAttributes), failing({ when: "baggage['chaos'] == 'on'" }));
    const asked = (value: string): Buffer => my.packet(0, 3, Buffer.from([1, 1, 0, 1, 0xfe, 0, 7]), 'baggage', value.length, value, 'SELECT 1');
    assert.deepEqual(link.client(asked('chaos=on')).clientGot, error(1));
    assert.deepEqual(link.client(asked('chaos=off')).upstreamGot, asked('chaos=off'));
  });
  describe('the database that conditions know', () => {
    const opened = my.opening(my.PLAIN | my.FLAG.multi);
    const first = my.rows(my.AUTOCOMMIT | my.MORE);
    /** Whether the connection is taken to be in the database after these turns, which may happen without a policy. */
    const isIn = (database: string, policies: boolean, ...turns: readonly Turn[]): void => {
      const policy = failing({ target: 'SELECT 1', when: `sql.database == '${database}'` });
      const link = after([...opened, ...turns], ...(policies ? [policy] : []));
      if (!policies) link.route.effects.install([{ policy, slot: 0 }]);
      failsNext(link);
    };
    for (const policies of [true, false]) {
      const known = (what: string, database: string, ...turns: readonly Turn[]): void =>
        void it(`${what}, ${policies ? 'with' : 'without'} a policy`, () => isIn(database, policies, ...turns));
      const use = (sql: string): Turn[] => [my.client(my.query(sql)), my.upstream(my.ok(1))];
      known('is that of a USE', 'Other', ...use('USE Other'));
      known('is that of a USE, however it is written', 'o`ther db', ...use(' -- x\n/* y */ use /* z */ `o``ther db` ;'));
      known('is not that of a USE which failed', 'shop', my.client(my.query('USE other')), my.upstream(my.failure(1, 1049)));
      known('is not that of a COM_INIT_DB which failed', 'shop', my.client(my.packet(0, 2, 'other')), my.upstream(my.failure(1, 1049)));
      known('is the one before where the last of two failed', 'first', ...use('use first'), my.client(my.packet(0, 2, 'other')), my.upstream(my.failure(1, 1044)));
      known('is not that of a COM_CHANGE_USER which failed', 'shop', my.client(my.packet(0, 0x11, 'else\0', 2, 'pw', 'third\0', 45, 0)), my.upstream(my.failure(1, 1045)), my.client(my.packet(0, 0x0e)), my.upstream(my.ok(1)));
      known('is none of what stands in a text or a comment', 'shop', ...use("SELECT 'use other'"), ...use('/* use other */ DELETE FROM t'), ...use('user'));
    }
    const among = [my.client(my.query("SELECT ';'; Use Second; SELECT 2")), my.upstream(first)] as const;
    it('is that of a USE among other statements', () => isIn('Second', true, ...among, my.upstream(my.ok(6, my.AUTOCOMMIT | my.MORE)), my.upstream(my.rows())));
    it('is that even if one behind it fails', () => isIn('Second', true, ...among, my.upstream(my.ok(6, my.AUTOCOMMIT | my.MORE)), my.upstream(my.failure(7, 1064)), my.client(my.packet(0, 0x0e)), my.upstream(my.ok(1))));
    it('is not that if one before it fails', () => isIn('shop', true, among[0], my.upstream(my.failure(1, 1064)), my.client(my.packet(0, 0x0e)), my.upstream(my.ok(1))));
  });
  it('conditions know the database that was chosen last, and who asks', () => {
    const when = "sql.database == 'other' && sql.user == 'else'";
    const link = after([...my.opening(), my.client(my.packet(0, 0x11, 'else\0', 2, 'pw', 'third\0', 45, 0)), my.upstream(my.ok(1))], failing({ when }));
    passesNext(link);
    link.upstream(my.rows());
    for (const byte of my.packet(0, 2, 'other')) link.client(Buffer.from([byte]));
    link.upstream(my.ok(1));
    failsNext(link);
  });
});
