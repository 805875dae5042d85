import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Dialect, MYSQL, POSTGRES } from './dialect.ts';
import { shapeOf } from './mask.ts';
import { LOOKED_AT, Statements } from './normalise.ts';
import { KIND, TOUCH, touchOf, verbOf } from './rules.ts';

const read = (sql: string | Buffer, dialect: Dialect, several = true): Statements => {
  const statements = new Statements(dialect);
  // Somewhere within a larger message, whose other bytes must not be looked at.
  const bytes = Buffer.concat([Buffer.from("'/*"), Buffer.from(sql), Buffer.from("'*/--")]);
  statements.read(bytes, 3, bytes.length - 5, true, several);
  return statements;
};
const texts = (sql: string | Buffer, dialect: Dialect = POSTGRES, several = true): string[] => {
  const s = read(sql, dialect, several);
  return Array.from({ length: s.count }, (_, i) => s.bytes.toString('utf8', s.start(i), s.end(i)));
};
const shape = (sql: string, dialect: Dialect = POSTGRES): string => {
  const s = read(sql, dialect);
  return shapeOf(s.bytes, s.start(0), s.end(0), dialect);
};
const kinds = (sql: string, dialect: Dialect = POSTGRES): number[] => {
  const s = read(sql, dialect);
  return Array.from({ length: s.count }, (_, i) => s.kind(i));
};

describe('the normalised statement', () => {
  const same: readonly (readonly [string, Dialect, string, readonly string[]])[] = [
    ['folds white space and case', POSTGRES, ' select\t a ,\r\n\n b  from t ;', ['SELECT A , B FROM T']],
    ['leaves comments out', POSTGRES, 'a--x\nb/*c*/d/**/e -- f', ['A B D E']],
    ['ends a comment at any end of a line', POSTGRES, 'a -- b\rbegin', ['A BEGIN']],
    ['which to MySQL is the newline', MYSQL, 'a -- b\rbegin', ['A']],
    ['reads nested comments', POSTGRES, 'a/* /* b */ c */d', ['A D']],
    ['which MySQL does not nest', MYSQL, 'a/* /* b */ c', ['A C']],
    ['keeps what looks like a comment within a text', POSTGRES, "x '--  /*' y", ["X '--  /*' Y"]],
    ['keeps white space in a text and in a name', POSTGRES, `x 'a  b' "c  d"`, [`X 'A  B' "C  D"`]],
    ['reads doubled quotes', POSTGRES, "x 'a''  --b' y;z", ["X 'A''  --B' Y", 'Z']],
    ['a backslash is one in a standard text', POSTGRES, "x '\\' y;z", ["X '\\' Y", 'Z']],
    ['and escapes behind E', POSTGRES, "x E'\\';' y;z", ["X E'\\';' Y", 'Z']],
    ['a name that ends in E is no prefix', POSTGRES, "somee'\\' y;z", ["SOMEE'\\' Y", 'Z']],
    ['MySQL escapes everywhere', MYSQL, `x '\\';' "\\";" y;z`, [`X '\\';' "\\";" Y`, 'Z']],
    ['reads dollar quotes', POSTGRES, 'do $$ a;  b $$; x $t$ $$ ; $t$; y', ['DO $$ A;  B $$', 'X $T$ $$ ; $T$', 'Y']],
    ['and no parameter for one', POSTGRES, 'select $1;select $2', ['SELECT $1', 'SELECT $2']],
    ['nor a name with dollars', POSTGRES, 'a$b$;c', ['A$B$', 'C']],
    ['an end that never comes takes the rest', POSTGRES, "a 'b;c", ["A 'B;C"]],
    ['also of a comment', POSTGRES, 'a /* b;c', ['A']],
    ['MySQL: # and --', MYSQL, 'a#b\nc -- d\ne--1', ['A C E--1']],
    ['MySQL: backticks', MYSQL, 'a `b;  c`;d', ['A `B;  C`', 'D']],
    ['MySQL: executable comments are code', MYSQL, '/*!50003 drop */ t /*M!100100 x*/', ['DROP T X']],
    ['nothing at all', POSTGRES, ' ; -- x\n;;', []],
    ['beyond ASCII', POSTGRES, "x 'é'", ["X 'é'"]],
  ];
  for (const [what, dialect, sql, expected] of same) it(what, () => assert.deepEqual(texts(sql, dialect), expected));

  it('is one statement where semicolons do not part', () => {
    assert.deepEqual(texts('a; b ;', POSTGRES, false), ['A; B']);
  });
  it('looks at the beginning of a long message only, and says so', () => {
    const statements = new Statements(POSTGRES);
    const bytes = Buffer.alloc(LOOKED_AT * 2, 'x');
    assert.equal(statements.read(bytes, 0, bytes.length), 1);
    assert.deepEqual([statements.end(0), statements.truncated, statements.mayBegin], [LOOKED_AT, true, true]);
    assert.equal(statements.read(Buffer.from('a'), 0, 1), 1);
    assert.deepEqual([statements.truncated, statements.mayBegin], [false, false]);
  });
  it('keeps the rest in the last of very many', () => {
    assert.deepEqual(texts('a;'.repeat(100)).length, 64);
  });
  it('reads any bytes', () => {
    const statements = new Statements(POSTGRES);
    let seed = 1;
    for (let round = 0; round < 2_000; round++) {
      const bytes = Buffer.from(Array.from({ length: 40 }, () => "'\"$`/*-;# \\Ea1.\n\0\xff".charCodeAt((seed = (seed * 48_271) % 2_147_483_647) % 18)));
      for (const dialect of [POSTGRES, MYSQL]) {
        statements.read(bytes, 0, bytes.length);
        for (let i = 0; i < statements.count; i++) shapeOf(statements.bytes, statements.start(i), statements.end(i), dialect);
        assert.ok(statements.count === 0 || statements.end(statements.count - 1) <= bytes.length);
      }
    }
  });
});

describe('the shape of a statement', () => {
  const shapes: readonly (readonly [string, Dialect, string])[] = [
    ["select 'a', 12, 1.5e-7, .5, $1, t1.c2, -3 from \"T 1\"", POSTGRES, 'SELECT ?, ?, ?, ?, $1, T1.C2, -? FROM "T 1"'],
    ["insert into t values (E'a\\'b', $$c$$, X'ff', U&'d', N'e''f')", POSTGRES, 'INSERT INTO T VALUES (?, ?, ?, ?, ?)'],
    ["x like 'a", POSTGRES, 'X LIKE ?'],
    ['select "a", \'b\', `c1`, 0x1F', MYSQL, 'SELECT ?, ?, `C1`, ?'],
    ["alter user u password 's3cret'", POSTGRES, 'ALTER USER U PASSWORD ?'],
  ];
  for (const [sql, dialect, expected] of shapes) it(expected, () => assert.equal(shape(sql, dialect), expected));
  it('shows nothing behind a text that ends otherwise where a backslash escapes (standard_conforming_strings off)', () => {
    assert.equal(shape("select 'it\\'s s3cret', 'more' from t"), 'SELECT ?');
    assert.equal(shape("select 'c:\\dir', 'more' from t"), 'SELECT ?, ? FROM T');
    assert.equal(shape("select E'it\\'s', 'more' from t"), 'SELECT ?, ? FROM T');
  });
  it('is bounded', () => assert.equal(shape(`select ${'a'.repeat(10_000)}`).length, 2_048));
});

describe('what travels in comments', () => {
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const comment = `traceparent='00-${trace}-b7ad6b7169203331-01',baggage='chaos%3Don%2Cuser%3Dd%27Arc'`;
  it('is read as sqlcommenter writes it, before or behind the statement', () => {
    for (const sql of [`select 1 /*db_driver='pg',${comment}*/`, `/* ${comment} */ select 1`, `select 1 -- ${comment}`]) {
      const { travelling } = read(sql, POSTGRES);
      assert.deepEqual([travelling.trace.id, travelling.baggage], [trace, { chaos: 'on', user: "d'Arc" }], sql);
    }
  });
  it('is not looked for in texts', () => {
    assert.deepEqual(read(`select '/*${comment.replaceAll("'", "''")}*/'`, POSTGRES).travelling.baggage, {});
    assert.deepEqual(read('select 1 /* %E0 = */ -- traceparent=\'%E0\'', POSTGRES).travelling.baggage, {});
  });
});

describe('the rules of transactions', () => {
  it('tells what begins and ends one', () => {
    const { other, begin, end } = KIND;
    assert.deepEqual(kinds('begin; start transaction read only; begin work'), [begin, begin, begin]);
    assert.deepEqual(kinds("commit; end; rollback to a; abort; commit prepared 'x'; prepare transaction 'x'; rollback"), [end, end, end, end, end, end, end]);
    assert.deepEqual(kinds("prepare x as select 1; beginning; committed; savepoint a; start slave; ends"), [other, other, other, other, other, other]);
    assert.deepEqual(kinds('/* x */ commit'), [end]);
    assert.deepEqual(kinds("xa end 'x'", MYSQL), [end]);
  });
  it('lets BEGIN fail, never what ends, and within only delays', () => {
    assert.equal(touchOf(KIND.begin, false), TOUCH.all);
    assert.equal(touchOf(KIND.other, false), TOUCH.all);
    assert.equal(touchOf(KIND.other, true), TOUCH.delay);
    assert.equal(touchOf(KIND.end, true), TOUCH.never);
    assert.equal(touchOf(KIND.end, false), TOUCH.never);
  });
  it('knows the verb behind brackets', () => {
    const s = read('((select 1) union (select 2))', POSTGRES);
    assert.equal(verbOf(s.bytes, s.start(0), s.end(0)), 'SELECT');
  });
});
