import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sqlTargetError } from '../kernel/sql-target.ts';
import { compileSnapshot, type WirePolicy } from './snapshot.ts';

const policyOf = (target: string, over: Partial<WirePolicy> = {}): WirePolicy => ({
  id: target, name: 'p', protocol: 'sql', target, route: '', seed: 1, latencyChance: 0, latencyMs: 0, errorChance: 1, errorCode: 0, errorBody: '',
  dropConnection: false, matchHeaders: {}, throttleRate: 0, ...over,
});
/** The targets that take the statement, in file order. */
const taken = (targets: readonly string[], sql: string, over: Partial<WirePolicy> = {}): string[] => {
  const snapshot = compileSnapshot(targets.map((target) => policyOf(target, over)));
  const out = new Int32Array(targets.length);
  const bytes = Buffer.from(`ORDERS ${sql} ORDERS`);
  const count = snapshot.match('sql', 'r', bytes, 7, bytes.length - 7, out);
  return [...out.subarray(0, count)].map((index) => targets[index] as string);
};
const takes = (target: string, sql: string): boolean => taken([target], sql).length === 1;

describe('targets of SQL', () => {
  it('takes everything by all, database, * and nothing', () => {
    const all = ['all', 'Database', ' * ', ''];
    assert.deepEqual(taken(all, 'SELECT 1'), all);
  });
  it('takes bare words whole, in any case, and names with a schema', () => {
    assert.ok(takes('orders', 'SELECT * FROM ORDERS'));
    assert.ok(takes('orders', 'ORDERS'));
    assert.ok(!takes('orders', 'SELECT * FROM ORDERS_ARCHIVE'));
    assert.ok(!takes('orders', 'SELECT * FROM REORDERS'));
    assert.ok(takes('insert  into\torders', 'INSERT INTO ORDERS(A) VALUES (1)'));
    assert.ok(!takes('insert into orders', 'INSERT INTO ORDERS2 VALUES (1)'));
    assert.ok(takes('public.orders', 'SELECT 1 FROM PUBLIC.ORDERS'));
    assert.ok(!takes('public.orders', 'SELECT 1 FROM PUBLICXORDERS'));
    assert.ok(takes('größe', 'SELECT GRößE FROM T') && takes('GRÖssE', 'SELECT GRÖSSE') && !takes('größe', 'SELECT GRößEN'));
    assert.ok(!takes('orders', 'SELECT 1'), 'what lies around the statement is not looked at');
  });

  /** Pattern, and whether RegExp takes each of these: both must agree, but for what is said of letters beyond ASCII. */
  const texts = [
    '', 'SELECT', 'SELECT 1', 'SELECT A FROM T WHERE X = 1', 'INSERT INTO ORDERS VALUES (1, 2)', 'UPDATE T SET A=1', 'DELETE FROM T', 'AAAB', 'ABAB',
    'A.B', 'T_1', '12', 'X\nY', '  ', 'A-B', '[X]', 'FOO\\BAR', 'SELECT SELECT', 'É', 'AÉB',
  ];
  const patterns = [
    'SELECT', '^SELECT', 'SELECT$', '^SELECT$', 'SELECT.*FROM', 'SELECT .+ WHERE', '(INSERT|UPDATE|DELETE) ', 'A+B', '(AB)+$', '^(AB){2}$', 'A{2,}B', 'A{2}B',
    'A{1,3}B$', '\\d+', '\\D', '^\\w+$', '\\W', '\\s', '\\S$', '[A-C]', '[^A-Z ]', '[]X]', '[^]X]', '\\[', '\\bT\\b', '\\BT', 'T\\B', '\\b', '^$', 'A\\.B', 'A.B',
    '[\\d.]', 'X.Y', '(?:SELECT|12)$', '(?<n>A)B', 'A*?B', 'A|B|^$', '(|A)B', '(A*)*B', '\\x41B', '\\\\', '{', 'A{', 'A{,2}', '-', '[A-]', '(^A|B$)', 'É', '[É]', 'A.B$',
  ];
  for (const pattern of patterns) {
    it(`agrees with RegExp on ${pattern}`, () => {
      const regex = new RegExp(pattern.replace('[]X]', '[\\]X]').replace('[^]X]', '[^\\]X]'), 's');
      // To RegExp no letter beyond ASCII is part of a word.
      for (const text of texts.filter((one) => pattern !== '\\b' || one !== 'É')) assert.equal(takes(`(?:${pattern})`, text), regex.test(text), JSON.stringify(text));
    });
  }
  it('finds many in one pass, each by itself, in file order', () => {
    assert.deepEqual(taken(patterns, 'SELECT A FROM T WHERE X = 1'), patterns.filter((pattern) => takes(pattern, 'SELECT A FROM T WHERE X = 1')));
    assert.deepEqual(taken(['b', 'all', 'a', 'c'], 'A B A'), ['b', 'all', 'a']);
  });
  it('has what RE2 has beyond RegExp', () => {
    assert.ok(takes('(?i)select', 'SELECT') && takes('(?s:a.c)', 'A C') && takes('(?P<x>a)', 'A') && takes('\\Aa\\z', 'A') && takes('\\Qa.b\\E', 'A.B'));
    assert.ok(takes('[[:digit:]]{2}', '12') && !takes('\\Qa.b\\E', 'AXB'));
  });
  it('agrees with RegExp on patterns made by chance', () => {
    let seed = 7;
    const pick = (from: readonly string[]): string => from[(seed = (seed * 48_271) % 2_147_483_647) % from.length] as string;
    const atoms = ['A', 'B', ' ', '.', '[AB]', '[^A]', '\\b', '^', '$', '(A|B)', '(AB|)', '(A B)'];
    for (let i = 0; i < 400; i++) {
      const pattern = Array.from({ length: 4 }, () => pick(atoms) + pick(['', '', '*', '+', '?', '{2}'])).join('').replaceAll(/([\^$]|\\b)(?:[*+?]|\{2\})/g, '$1');
      const regex = new RegExp(pattern, 's');
      for (let j = 0; j < 10; j++) {
        const text = Array.from({ length: 8 }, () => pick(['A', 'B', ' '])).join('');
        assert.equal(takes(`(?:${pattern})`, text), regex.test(text), `${pattern} on ${text}`);
      }
    }
  });

  it('never takes more than linear time, and bounded memory', () => {
    // Each of these takes a backtracking matcher longer than anybody waits.
    const evil = ['(A+)+$', 'B(A|A)*$', '(A|AA)+$', '(.*)*X', 'A.*A.*A.*A.*A.*X', '(A?){30}A{30}$', '[AB]*A[AB]{12}$'];
    const snapshot = compileSnapshot(evil.map((target) => policyOf(target)));
    const out = new Int32Array(evil.length);
    let seed = 3;
    const text = Buffer.from(Array.from({ length: 16_384 }, () => 65 + ((seed = (seed * 48_271) % 2_147_483_647) % 2)));
    text[text.length - 1] = 0x21;
    for (let round = 0; round < 5; round++) assert.equal(snapshot.match('sql', 'r', text, 0, text.length, out), 0);
  });

  it('keeps little of patterns that are many places at once', () => {
    const many = Array.from({ length: 30 }, (_, i) => `A[AB]{${900 + i}}X`);
    const snapshot = compileSnapshot(many.map((target) => policyOf(target)));
    let seed = 3;
    const text = Buffer.from(Array.from({ length: 800 }, () => 65 + ((seed = (seed * 48_271) % 2_147_483_647) % 2)));
    const before = process.memoryUsage().arrayBuffers;
    assert.equal(snapshot.match('sql', 'r', text, 0, text.length, new Int32Array(many.length)), 0);
    const kept = process.memoryUsage().arrayBuffers - before;
    assert.ok(kept < 10_000_000, `${kept} bytes`);
  });
  it('takes any byte for a character, for not every client writes UTF-8', () => {
    const snapshot = compileSnapshot(['SELECT.*FROM', 'SELECT[^;]*FROM', '^\\W+$'].map((target) => policyOf(target)));
    const out = new Int32Array(3);
    const matched = (bytes: Buffer): number[] => [...out.subarray(0, snapshot.match('sql', 'r', bytes, 0, bytes.length, out))];
    assert.deepEqual(matched(Buffer.from("SELECT '20 \xb0C \xe9' FROM T", 'latin1')), [0, 1]);
  });

  it('finds the same in a text that needs more states than are kept', () => {
    const pattern = 'A[AB]{11}X';
    let seed = 5;
    const text = Array.from({ length: 20_000 }, () => 'AB'[(seed = (seed * 48_271) % 2_147_483_647) % 2]).join('');
    for (const tail of ['', 'X', ' WORD', 'X WORD']) {
      const sql = `${text}${'A'.repeat(12)}${tail}`;
      assert.deepEqual(taken([pattern, 'word', '^A|^B', 'C'], sql), [pattern, 'word', '^A|^B', 'C'].filter((one) => new RegExp(one === 'word' ? '\\bWORD\\b' : one).test(sql)));
    }
  });

  it('leaves out what is protected, and the policies of other routes', () => {
    assert.deepEqual(taken(['all', 't'], 'DROP TABLE T', { ignored: ['DROP'] }), []);
    assert.deepEqual(taken(['all', 't'], 'SELECT T', { ignored: ['DROP'] }), ['all', 't']);
    assert.deepEqual(taken(['all', 't'], 'SELECT T', { route: 'other' }), []);
    assert.deepEqual(taken(['all', 't'], 'SELECT T', { route: 'r' }), ['all', 't']);
  });
});

describe('a target that cannot be read', () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['SELECT (', /regular expression: a \( has no \)/], ['a)', /\) without/], ['[a', /\[ has no \]/], ['*a', /nothing before \*/], ['a**', /follows another/],
    ['a\\', /ends with/], ['(a)\\1', /references back/], ['a(?=b)', /look around/], ['a(?<!b)', /look around/], ['a{2000}', /no count/], ['[z-a]', /wrong way/],
    ['(a{1000}){1000}', /shorter/], ['\\y', /not known/], ['[[:x:]]', /not known/], ['('.repeat(500), /too deep/],
  ];
  for (const [target, why] of bad) it(target.slice(0, 30), () => assert.match(sqlTargetError(target)?.message ?? '', why));
  it('is told from one that can', () => {
    for (const target of ['all', 'SELECT', 'select .* from x', '(?i)a|b', 'a{2}', '']) assert.equal(sqlTargetError(target), undefined, target);
  });
});
