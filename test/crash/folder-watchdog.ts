import { selfIdentity, stateOf } from '../../engine/host/identity.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Injector } from '../../engine/kernel/fault.ts';
import { folderInjector } from '../../engine/lifecycle/test-parts.ts';
import { serveWatchdog } from '../../engine/lifecycle/watchdog-process.ts';

/** The watchdog's entry for the tests that know the fault type `folder` only. Argument: the state directory. */
await serveWatchdog({
  stateDir: process.argv[2] ?? '',
  clock: realClock,
  identity: { self: selfIdentity(), alive: (mark) => stateOf(mark) !== 'dead' },
  injectors: { folder: folderInjector() as Injector },
  idle: 300,
});
