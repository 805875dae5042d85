import { createInjectorsHere } from './helper.ts';
import { identity } from './identity.ts';
import { realClock } from './kernel/clock.ts';
import { serveWatchdog } from './lifecycle/watchdog-process.ts';

/**
 * Wires the watchdog's process and runs it to its end. Apart from createEngine, because it must start fast and stay
 * small: it loads only what undoing needs.
 */
export async function watch(stateDir: string): Promise<void> {
  const { injectors, line } = createInjectorsHere({ wire: null, clock: realClock });
  using _line = line;
  await serveWatchdog({ stateDir, clock: realClock, identity, injectors });
}
