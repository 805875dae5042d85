import { createInjectors } from './faults/injectors.ts';
import { type ProcessIdentity, selfIdentity, stateOf } from './host/identity.ts';
import { realClock } from './kernel/clock.ts';
import { openBypass } from './lifecycle/bypass.ts';
import { type OpenBypass } from './lifecycle/standins.ts';
import { serveWatchdog } from './lifecycle/watchdog-process.ts';

/** How this process tells itself and others apart, in the lifecycle's words. */
export const identity = { self: selfIdentity(), alive: (mark: ProcessIdentity): boolean => stateOf(mark) !== 'dead' };

/**
 * Wires the watchdog's process and runs it to its end. Apart from createEngine, because it must start fast and stay
 * small: it loads only what undoing needs.
 */
export function watch(stateDir: string): Promise<void> {
  const injectors = createInjectors({ wire: null, clock: realClock });
  return serveWatchdog({ stateDir, clock: realClock, identity, injectors, openBypass: openStandIn(stateDir) });
}

/** Loads the data plane only for a route that needs it. */
const openStandIn =
  (stateDir: string): OpenBypass =>
  async (mark, clock) => {
    if (mark.route === undefined) return openBypass(mark, clock);
    const { openWireBypass } = await import('./stand-in.ts');
    return openWireBypass(mark, stateDir, clock, (error) => {
      throw error; // the process writes it to its log, and goes on
    });
  };
