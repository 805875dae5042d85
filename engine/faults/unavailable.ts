import { z } from 'zod';
import { FirebreakError } from '../kernel/errors.ts';
import { type Injector } from '../kernel/fault.ts';

/** The injector of a fault type that this version can read and weigh but not carry out. It never pretends. */
export function unavailableInjector(reason: string): Injector {
  const refuse = async (): Promise<never> => {
    throw new FirebreakError('unavailable', reason, { hint: 'remove the policy, or run "firebreak doctor" to see what can be done here' });
  };
  return {
    undo: z.unknown(),
    unavailable: () => reason,
    plan: refuse,
    inject: refuse,
    verify: refuse,
    // No record of such a type can exist: whoever asks holds a journal of another version, and must be told.
    revert: refuse,
    fingerprint: refuse,
  };
}
