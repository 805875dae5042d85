import { both, type Verdict } from '../effects.ts';
import type { OpenRoute } from '../open-route.ts';
import type { Statements } from './normalise.ts';
import { KIND, kindOf, TOUCH, touchOf } from './rules.ts';
import { CONNECT, type SqlContext, type StatementSubject } from './subject.ts';

/** The scope of policies for the connect of a client; all others are for statements. */
export const CONNECT_SCOPE = 'connect';

/**
 * Judges all statements of one message by the rules of transactions; the first that fails or is cut decides for all of
 * it, and delays add up. Call it only when `effects.gate` says so. `subject` then stands for the statement that decided.
 * @param inTransaction whether a transaction is open before the message, or may be for all that is known.
 */
export function judgeStatements(
  route: OpenRoute, statements: Statements, subject: StatementSubject, context: SqlContext, inTransaction: boolean,
): Verdict | undefined {
  const { bytes, count } = statements;
  if (count === 1) return judgeStatement(route, statements, bytes, statements.start(0), statements.end(0), subject, context, inTransaction);
  // What is protected stays so in the company of others.
  for (let i = 0; i < count; i++) if (route.effects.protects(route.protocol, bytes, statements.start(i), statements.end(i))) return undefined;
  let delay: Verdict | undefined;
  let first = 0;
  // A message that ends a transaction, even one that it begins itself, can only wait.
  const sheltered = inTransaction || someEnds(statements);
  for (let i = 0; i < count; i++) {
    const verdict = judgeStatement(route, statements, bytes, statements.start(i), statements.end(i), subject, context, inTransaction, sheltered);
    if (verdict === undefined) continue;
    if (verdict.act !== 'delay') return verdict;
    if (delay === undefined) first = i;
    delay = both(delay, verdict);
  }
  if (delay !== undefined) subject.at(bytes, statements.start(first), statements.end(first), statements.dialect);
  return delay;
}

/** The same for one statement, normalised in bytes[start, end): a prepared one that is executed. */
export function judgeStatement(
  route: OpenRoute, from: Pick<Statements, 'dialect' | 'travelling'>, bytes: Buffer, start: number, end: number,
  subject: StatementSubject, context: SqlContext, inTransaction: boolean, sheltered = inTransaction,
): Verdict | undefined {
  const touch = touchOf(kindOf(bytes, start, end), sheltered);
  if (touch === TOUCH.never) return undefined;
  subject.at(bytes, start, end, from.dialect).on(context, inTransaction, touch === TOUCH.delay, from);
  return route.effects.judge(route.protocol, route.name, bytes, start, end, subject);
}

/** The same for a client that connects, as soon as it has said who it is. */
export function judgeConnect(route: OpenRoute, statements: Pick<Statements, 'dialect'>, subject: StatementSubject, context: SqlContext): Verdict | undefined {
  if (!route.effects.gateScope(route.protocol, route.name, CONNECT_SCOPE)) return undefined;
  route.acts.seen();
  subject.at(CONNECT, 0, CONNECT.length, statements.dialect).on(context, false, false);
  return route.effects.judge(route.protocol, route.name, CONNECT, 0, CONNECT.length, subject, CONNECT_SCOPE);
}

function someEnds(statements: Statements): boolean {
  for (let i = 0; i < statements.count; i++) if (statements.kind(i) === KIND.end) return true;
  return false;
}
