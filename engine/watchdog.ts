import { createInjectors } from './faults/injectors.ts';
import { type ProcessIdentity, selfIdentity, stateOf } from './host/identity.ts';
import { realClock } from './kernel/clock.ts';
import { serveWatchdog } from './lifecycle/watchdog-process.ts';

/** How this process tells itself and others apart, in the lifecycle's words. */
export const identity = { self: selfIdentity(), alive: (mark: ProcessIdentity): boolean => stateOf(mark) !== 'dead' };

/**
 * Wires the watchdog's process and runs it to its end. Apart from createEngine, because it must start fast and stay
 * small: it loads only what undoing needs.
 */
export function watch(stateDir: string): Promise<void> {
  return serveWatchdog({ stateDir, clock: realClock, identity, injectors: createInjectors({ wire: null, clock: realClock }) });
}
