import { FirebreakError, messageOf } from '../../kernel/errors.ts';

/** Why a server says no, whatever number it has for that; '' for all else. */
export type Refusal = 'login' | 'no-database' | 'rights' | 'read-only' | '';
export type Refusals = ReadonlyMap<string | number, Refusal>;

/** @param name the server's, for people. @param refusal why nobody was let in, where the server has said so. */
export function notLetIn(name: string, refusal: Refusal, cause: unknown): FirebreakError {
  const hints: Readonly<Record<Refusal, string>> = {
    'login': 'check the user and the password of the URL',
    'no-database': 'check the name of the database at the end of the URL',
    'rights': 'check the name of the database, and whether this user may use it',
    'read-only': '',
    '': /\bECONNREFUSED\b/.test(messageOf(cause)) ? 'is it running, and does it listen there?' : '',
  };
  return new FirebreakError('database', `${name} does not let us in: ${messageOf(cause)}`, { hint: hints[refusal], cause });
}

/** What was begun cannot go on. What has been told apart already stays as it is. */
export function notDone(name: string, refusal: Refusal, cause: unknown): FirebreakError {
  if (cause instanceof FirebreakError) return cause;
  const said = messageOf(cause);
  if (refusal === 'read-only') return new FirebreakError('read-only', `${name} is read-only: ${said}`, { hint: 'name the server that takes writes; connections and slow work here as well', cause });
  if (refusal !== 'rights') return new FirebreakError('database', `${name} says: ${said}`, { cause });
  return new FirebreakError('not-allowed', `${name} does not allow it to this role: ${said}`, { hint: 'use a role that may write to the table; MySQL asks for LOCK TABLES as well', cause });
}
