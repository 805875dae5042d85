import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as my from '../../../test/wire/sql/mysql-packets.ts';
import { STEP } from '../codec.ts';
import { carriedByAttributes, readAttributes } from './attributes.ts';
import { CommandScanner } from './commands.ts';
import { errorOf, errorPacket } from './errors.ts';
import { answerOf, greetingOf } from './handshake.ts';
import { PacketScanner } from './packets.ts';
import { PreparedStatements } from './prepared.ts';
import { arePlain, read } from './statement.ts';

const PIECES = [1, 2, 3, 5, 7, 64, 1_460, 65_536, 20_000_000];
const long = my.packet(7, 'y'.repeat(0xff_ffff + 10));
const stream = Buffer.concat([my.ok(1), my.packet(2), my.packet(3, 'x'), my.packet(4, 'z'.repeat(300)), long, my.packet(9, 'x'.repeat(31)), my.eof(10)]);

describe('packets of the server', () => {
  it('are found whatever the pieces, each once, however long', () => {
    for (const piece of PIECES.filter((size) => size > 7)) {
      const scanner = new PacketScanner();
      const found: string[] = [];
      for (let from = 0; from < stream.length; from += piece) {
        const part = stream.subarray(from, from + piece);
        for (let at = 0; scanner.step(part, at, part.length); at = scanner.position) {
          const head = Buffer.from(scanner.bytes.subarray(scanner.at, scanner.at + scanner.available));
          found.push(`${scanner.sequence} ${scanner.length} ${head.toString('hex').slice(0, 6)} ${head.length}`);
        }
      }
      assert.deepEqual(found, ['1 7 000000 7', '2 0  0', '3 1 78 1', '4 300 7a7a7a 32', '7 16777215 797979 32', '9 31 787878 31', '10 5 fe0000 5'], `pieces of ${piece}`);
    }
  });
  it('are found a byte at a time', () => {
    const scanner = new PacketScanner();
    const short = Buffer.concat([my.ok(1), my.packet(2), my.packet(4, 'z'.repeat(300)), my.eof(10)]);
    let count = 0;
    for (const byte of short) if (scanner.step(Buffer.from([byte]), 0, 1)) count++;
    assert.equal(count, 4);
    assert.equal(scanner.partial, false);
  });
});

describe('messages of the client', () => {
  const said = Buffer.concat([my.query('SELECT 1'), my.packet(0), my.packet(0, 0x0e), my.packet(0, 3, 'q'.repeat(0xff_ffff)), my.query('x')]);
  it('are found whatever the pieces', () => {
    for (const piece of [7, 1_460, 65_536, 40_000_000]) {
      const scanner = new CommandScanner();
      const found: string[] = [];
      let held = Buffer.alloc(0);
      for (let from = 0; from < said.length; from += piece) {
        const part = Buffer.concat([held, said.subarray(from, from + piece)]);
        let step: number = STEP.end;
        for (let at = 0; step !== STEP.more; at = scanner.position) {
          step = scanner.step(part, at, part.length);
          if (step === STEP.head) found.push(`${scanner.code} ${scanner.length}`);
          else if (step === STEP.end) found.push(`end ${scanner.sequence}`);
        }
        held = part.subarray(scanner.position);
        assert.ok(held.length < 10, 'only a head is brought again');
      }
      assert.deepEqual(found, ['3 9', 'end 0', '-1 0', 'end 0', '14 1', 'end 0', '3 16777215', 'end 1', '3 2', 'end 0'], `pieces of ${piece}`);
    }
  });
});

describe('the opening', () => {
  it('tells what both ends agree on, who connects and where to', () => {
    const flags = my.PLAIN | my.FLAG.deprecateEof;
    const hello = my.greeting(flags, 0x1f);
    const known = greetingOf(hello, 4, hello.length);
    assert.deepEqual(known, { capabilities: flags, extended: 0x1f, status: 2 });
    const login = my.login(flags | my.FLAG.compress, 0x10);
    assert.deepEqual(answerOf(login, 4, login.length, known), {
      kind: 'login', agreed: { deprecateEof: true, optionalMetadata: false, cacheMetadata: true }, compressed: false, queryAttributes: false, multiStatements: false, user: 'app', database: 'shop',
    });
    const tls = my.tlsRequest();
    assert.equal(answerOf(tls, 4, tls.length, known).kind, 'tls');
  });
  it('survives what is cut off', () => {
    const [hello, login] = [my.greeting(), my.login()];
    for (let end = 4; end < hello.length; end++) greetingOf(hello, 4, end);
    const known = greetingOf(hello, 4, hello.length);
    assert.ok(known);
    for (let end = 4; end < login.length; end++) answerOf(login, 4, end, known);
  });
});

describe('statements', () => {
  const of = (sql: string, status = 2) => {
    const statements = read(Buffer.from(sql), 0, sql.length, true, status);
    return Array.from({ length: statements.count }, (_, i) => statements.bytes.toString('latin1', statements.start(i), statements.end(i)));
  };
  it('part at semicolons, but not within a procedure', () => {
    assert.deepEqual(of('select 1; select 2'), ['SELECT 1', 'SELECT 2']);
    assert.equal(of('create procedure p() begin select 1; commit; end').length, 1);
  });
  it('are read in the SQL mode of the connection', () => {
    assert.equal(of("select 'a\\'; select 2").length, 1);
    assert.equal(of("select 'a\\'; select 2", 2 | 0x200).length, 2, 'NO_BACKSLASH_ESCAPES');
  });
  it('are plain when they cannot begin a transaction', () => {
    const plain = (sql: string): boolean => arePlain(read(Buffer.from(sql), 0, sql.length, true, 2), false);
    for (const sql of ['select 1', 'insert into t values (1); update t set a = 1']) assert.equal(plain(sql), true, sql);
    for (const sql of ['begin', 'set autocommit = 0', 'call p()', 'select 1; start transaction', 'xa start "x"']) assert.equal(plain(sql), false, sql);
  });
  it('begin behind query attributes', () => {
    const sql = 'SELECT 1';
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const attributes = Buffer.concat([Buffer.from([2, 1, 0b10, 1, 0xfe, 0, 11]), Buffer.from('traceparent'), Buffer.from([8, 0, 1, 0x6e, trace.length]), Buffer.from(trace)]);
    const bytes = Buffer.concat([attributes, Buffer.from(sql)]);
    assert.equal(bytes.toString('latin1', readAttributes(bytes, 0, bytes.length)), sql);
    assert.equal(carriedByAttributes().trace.id, '4bf92f3577b34da6a3ce929d0e0e4736');
    assert.equal(readAttributes(Buffer.from([0, 1, 0x53]), 0, 3), 2);
    for (let end = 1; end < attributes.length; end++) assert.ok(readAttributes(bytes, 0, end) <= end);
  });
});

describe('prepared statements', () => {
  it('are remembered up to a limit, the newest', () => {
    const store = new PreparedStatements();
    const scanner = new CommandScanner();
    const remember = (id: number, sql: string): void => {
      const bytes = my.prepare(sql);
      scanner.step(bytes, 0, bytes.length);
      store.note(bytes, scanner);
      store.capture(bytes, scanner.at, bytes.length);
      scanner.step(bytes, scanner.at, bytes.length);
      store.finish();
      store.prepared(id, 0);
    };
    for (let id = 1; id <= 100; id++) remember(id, `SELECT ${id} ${'x'.repeat(20_000)}`);
    assert.equal(store.get(1), undefined);
    assert.equal(store.get(100)?.sql.toString().slice(0, 10), 'SELECT 100');
    assert.equal(store.get(100)?.truncated, true);
    assert.equal(store.get(0xffff_ffff), store.get(100), 'the last one has a number that stands for it');
    remember(100, 'SELECT 2');
    assert.equal(store.get(100)?.sql.toString(), 'SELECT 2');
  });
});

describe('errors', () => {
  const of = (code: number, sqlstate: string, body = ''): string => {
    const { number, state, message } = errorOf({ act: 'fail', id: '', policy: 'slow', slot: 0, extra: { sqlstate }, cell: 0, refusal: { code, body: Buffer.from(body), retryAfter: 0 } }, 1105);
    return `${number} ${state} ${message}`;
  };
  it('find number and SQLSTATE by each other', () => {
    assert.equal(of(0, ''), '1105 HY000 fault injected by policy slow');
    assert.equal(of(1213, '', 'Deadlock found'), '1213 40001 Deadlock found');
    assert.equal(of(1205, ''), '1205 HY000 fault injected by policy slow');
    assert.equal(of(0, '40001'), '1213 40001 fault injected by policy slow');
    assert.equal(of(0, '57014'), '1317 57014 fault injected by policy slow', 'what PostgreSQL says, by the number of MySQL');
    assert.equal(of(0, 'ZZ999'), '1105 ZZ999 fault injected by policy slow');
    assert.equal(of(3024, '70100'), '3024 70100 fault injected by policy slow');
  });
  it('are packets of the right length', () => {
    assert.deepEqual(errorPacket({ number: 1040, state: '08004', message: 'Too many connections' }, 257), my.failure(1, 1040, 'Too many connections', '08004'));
    assert.equal(errorPacket({ number: 1, state: 'HY000', message: 'ü'.repeat(1_000) }, 0).length, 4 + 9 + 512);
  });
});
