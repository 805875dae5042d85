import { FirebreakError } from '../../kernel/errors.ts';
import { type FaultRequest } from '../../kernel/fault.ts';
import { isSetup } from '../../wire/redis/commands.ts';
import { READ_SCOPE, SETUP_SCOPE } from '../../wire/redis/judge.ts';
import { MISSES } from '../../wire/redis/misses.ts';
import { type RedisParams } from './manifest.ts';

/** What a policy is aimed at, in the terms of the wire: it compares `get:cart:42`. */
export interface Aim {
  readonly target: string;
  readonly scope: string;
  /** As the wire compares them. */
  readonly ignored: readonly string[];
}

/**
 * Reads the target of a policy. Throws FirebreakError `bad-target` when a command is named of which no miss can be made:
 * the policy would never do anything.
 */
export function aimOf({
  policy,
  target,
  ignored,
  params,
}: Pick<FaultRequest<RedisParams>, 'policy' | 'target' | 'ignored' | 'params'>): Aim {
  const [command = '', key] = target.trim().toLowerCase().split(/\s+/, 2);
  const all = ['', 'all', '*'].includes(command);
  const name = command.replace(/\*$/, '');
  if (params.miss && !all && !Object.hasOwn(MISSES, name)) {
    throw new FirebreakError('bad-target', `policy ${policy}: ${name.toUpperCase()} is no read that can miss`, {
      hint: `aim at a read such as get, mget, hgetall or exists, or at all; or remove miss to answer with an error`,
    });
  }
  return {
    // A command alone takes every key of it.
    target: all ? 'all' : key === undefined ? `${name}*` : `${name}:${key}`,
    scope: params.miss ? READ_SCOPE : isSetup(name) ? SETUP_SCOPE : '',
    ignored: ignored.map((prefix) => prefix.trim().replace(/\s+/, ':')),
  };
}
