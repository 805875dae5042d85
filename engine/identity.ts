import { type ProcessIdentity, selfIdentity, stateOf } from './host/identity.ts';

/** How this process tells itself and others apart, in the lifecycle's words. */
export const identity = { self: selfIdentity(), alive: (mark: ProcessIdentity): boolean => stateOf(mark) !== 'dead' };
