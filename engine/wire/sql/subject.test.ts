import assert from 'node:assert/strict';
import { it } from 'node:test';
import { POSTGRES } from './dialect.ts';
import { CONNECT, StatementSubject } from './subject.ts';

const CONTEXT = { database: 'shop', user: 'app' };
const subjectOf = (sql: string): StatementSubject => {
  const bytes = Buffer.from(sql);
  return new StatementSubject().at(bytes, 0, bytes.length, POSTGRES).on(CONTEXT, false, false);
};

it('is told by its verb and its shape, with where it went, and without a value', () => {
  const { method, target, head } = subjectOf("SELECT NAME FROM CARDS WHERE NUMBER = '4111' AND PIN = 42").describe();
  assert.deepEqual([method, target], ['SELECT', 'SELECT NAME FROM CARDS WHERE NUMBER = ? AND PIN = ?']);
  assert.equal(head, `${target}\ndatabase: shop\nuser: app`);
});

it('a connect is aimed at a database', () => {
  const subject = new StatementSubject().at(CONNECT, 0, CONNECT.length, POSTGRES).on(CONTEXT, false, false);
  assert.equal(subject.describe().target, 'shop');
});

it('a statement without an end does not flood those who read of it', () => {
  const { target, head } = subjectOf(`SELECT ${'A, '.repeat(5_000)}B`).describe();
  assert.ok(target.length <= 256 && head.length <= 2_048);
});
