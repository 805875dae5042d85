import { once } from 'node:events';
import { selfIdentity, stateOf } from '../../engine/host/identity.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Injector } from '../../engine/kernel/fault.ts';
import { haltEverywhere, rescueTools } from '../../engine/lifecycle/halt.ts';
import { folderInjector } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';

/**
 * HALT from a second terminal: a process that shares nothing with the engine but the state directory. With `when-asked`
 * it says that it is ready, and halts on the first line it hears.
 */
const [stateDir = '', when = 'at-once'] = process.argv.slice(2);
using journal = openJournal(stateDir, realClock);
const identity = { self: selfIdentity(), alive: (mark: { pid: number; started: string }) => stateOf(mark) !== 'dead' };
const tools = rescueTools({
  stateDir,
  journal,
  clock: realClock,
  identity,
  injectors: { folder: folderInjector() as Injector },
});
if (when === 'when-asked') {
  process.stdout.write(`${JSON.stringify({ what: 'ready' })}\n`);
  await once(process.stdin, 'data');
}
process.stdout.write(`${JSON.stringify({ what: 'halted', ...(await haltEverywhere(tools, 'a second terminal')) })}\n`);
process.stdin.destroy();
