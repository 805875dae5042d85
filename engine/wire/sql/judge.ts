import type { OpenRoute } from '../open-route.ts';
import type { Verdict } from '../effects.ts';
import type { Statements } from './normalise.ts';
import { KIND, TOUCH, touchOf } from './rules.ts';
import type { SqlContext, StatementSubject } from './subject.ts';

/**
 * Judges all statements of one message by the rules of transactions; the first that fails or is cut decides for all of
 * it, and delays add up. Call it only when `effects.gate` says so. `subject` then stands for the statement that decided.
 * @param inTransaction whether a transaction is open before the message, or may be for all that is known.
 */
export function judgeStatements(
  route: OpenRoute, statements: Statements, subject: StatementSubject, context: SqlContext, inTransaction: boolean,
): Verdict | undefined {
  const { effects, protocol, name } = route;
  const { bytes, count, dialect } = statements;
  let delay: Extract<Verdict, { act: 'delay' }> | undefined;
  let first = 0;
  // A message that ends a transaction, even one that it begins itself, can only wait.
  const ends = inTransaction || (count > 1 && someEnds(statements));
  for (let i = 0; i < count; i++) {
    const touch = touchOf(statements.kind(i), ends);
    if (touch === TOUCH.never) continue;
    const [start, end] = [statements.start(i), statements.end(i)];
    subject.at(bytes, start, end, dialect).on(context, inTransaction, touch === TOUCH.delay);
    const verdict = effects.judge(protocol, name, bytes, start, end, subject);
    if (verdict === undefined) continue;
    if (verdict.act !== 'delay') return verdict;
    if (delay === undefined) first = i;
    delay = delay === undefined ? verdict : { act: 'delay', parts: [...delay.parts, ...verdict.parts], total: delay.total + verdict.total };
  }
  if (delay !== undefined) subject.at(bytes, statements.start(first), statements.end(first), dialect);
  return delay;
}

function someEnds(statements: Statements): boolean {
  for (let i = 0; i < statements.count; i++) if (statements.kind(i) === KIND.end) return true;
  return false;
}
