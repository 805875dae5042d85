import { selfIdentity, stateOf } from '../../engine/host/identity.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Injector } from '../../engine/kernel/fault.ts';
import { rescueTools } from '../../engine/lifecycle/halt.ts';
import { folderInjector } from '../../engine/lifecycle/test-parts.ts';
import { watchdogLog } from '../../engine/lifecycle/watchdog-log.ts';
import { runWatchdog } from '../../engine/lifecycle/watchdog.ts';
import { openJournal } from '../../engine/store/journal.ts';

/** The watchdog's entry for the tests that know the fault type `folder` only. Argument: the state directory. */
const stateDir = process.argv[2] ?? '';
const identity = { self: selfIdentity(), alive: (mark: { pid: number; started: string }) => stateOf(mark) !== 'dead' };
const journal = openJournal(stateDir, realClock);
const tools = rescueTools({ stateDir, journal, clock: realClock, identity, injectors: { folder: folderInjector() as Injector } });
const watchdog = await runWatchdog({ ...tools, idle: 300, log: watchdogLog(stateDir, realClock) });
await watchdog?.ended;
journal[Symbol.dispose]();
