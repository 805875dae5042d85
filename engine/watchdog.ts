import { createInjectorsHere } from './rights.ts';
import { identity } from './identity.ts';
import { realClock } from './kernel/clock.ts';
import { type Bypass, openBypass } from './lifecycle/bypass.ts';
import { type RouteMark } from './lifecycle/messages.ts';
import { type OpenBypass } from './lifecycle/standins.ts';
import { serveWatchdog } from './lifecycle/watchdog-process.ts';

/**
 * Wires the watchdog's process and runs it to its end. Apart from createEngine, because it must start fast and stay
 * small: it loads only what undoing needs.
 */
export async function watch(stateDir: string): Promise<void> {
  const { injectors, line } = createInjectorsHere({ wire: null, clock: realClock });
  using _line = line;
  await serveWatchdog({ stateDir, clock: realClock, identity, injectors, openBypass: openStandIn(stateDir) });
}

/** Loads the data plane only for a route that needs it. */
function openStandIn(stateDir: string): OpenBypass {
  let open: ((mark: RouteMark) => Promise<Bypass>) | undefined;
  return async (mark, clock) => {
    if (mark.route === undefined) return openBypass(mark, clock);
    const { wireStandIns } = await import('./stand-in.ts');
    open ??= wireStandIns(stateDir, clock, (error) => {
      throw error; // the process writes it to its log, and goes on
    });
    return open(mark);
  };
}
