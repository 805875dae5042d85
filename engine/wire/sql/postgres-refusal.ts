import type { Verdict } from '../effects.ts';
import type { PostgresError } from './postgres-messages.ts';

export type Failing = Extract<Verdict, { act: 'fail' }>;

/** The SQLSTATE of an injected error unless its policy has one: internal_error, and for a connect cannot_connect_now. */
export const DEFAULT_STATE = 'XX000';
export const DEFAULT_CONNECT_STATE = '57P03';

/** The error of a policy; `state` is its SQLSTATE when the policy has none. */
export function errorOf({ extra, policy, refusal }: Failing, state: string): PostgresError {
  const sqlstate = extra?.['sqlstate'];
  const message = Buffer.from(refusal.body).toString('utf8');
  return {
    sqlstate: typeof sqlstate === 'string' && sqlstate !== '' ? sqlstate : state,
    message: message === '' ? `fault injected by policy ${policy}` : message,
  };
}
