import { manifests } from '../../engine/faults/manifests.ts';
import { identity } from '../../engine/identity.ts';
import { millis } from '../../engine/kernel/brands.ts';
import { type Clock, realClock } from '../../engine/kernel/clock.ts';
import { type FaultRequest } from '../../engine/kernel/fault.ts';
import { newRunId } from '../../engine/kernel/random.ts';
import { createLifecycle } from '../../engine/lifecycle/lifecycle.ts';
import { createInjectorsHere } from '../../engine/rights.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { createBus } from '../../engine/telemetry/bus.ts';
import { FORGOTTEN, LASTING, OWN } from './helper-reboot-faults.ts';

/**
 * The engine of an ordinary user, whose faults the helper of the guest does. First it recovers, as every Firebreak does;
 * `strike FOLDER` then holds faults until it is killed, `recover FOLDER` says what was recovered. Says one line of JSON.
 */
const [mode = '', stateDir = ''] = process.argv.slice(2);
const HOLD = millis(3_600_000);
/** In an emulator whatever the helper is asked for takes long, above all what it does first: to start its watchdog. */
const SLOW = millis(300_000);
/** Effects are not looked at every 50 ms, as in an emulator each look takes longer; nor is it a lost lease that it stood still. */
const patient: Clock = { ...realClock, sleep: (ms, signal) => realClock.sleep(Math.max(ms, 3_000), signal), every: () => ({ [Symbol.dispose]: () => {} }) };
const never = new AbortController().signal;

const word = { halted: false, halt: () => void (word.halted = true), resume: () => void (word.halted = false) };
const { injectors } = createInjectorsHere({ wire: null, clock: realClock });
const lifecycle = createLifecycle({
  injectors, facts: manifests, identity, wire: word, bus: createBus(realClock), clock: mode === 'recover' ? realClock : patient, journal: openJournal(stateDir, realClock), revertDeadline: SLOW,
});
const { cleared, open, damage } = await lifecycle.recover();
if (mode === 'strike') {
  const requests = [...LASTING, ...FORGOTTEN, ...OWN].map(({ name, type, target, fields }): FaultRequest => ({
    run: newRunId(), policy: name, type, target, route: '', routes: [], ignored: [], seed: 1, hold: HOLD, params: manifests[type].params.parse(fields),
  }));
  // Where all stands still for longer than a lease, the helper has no watchdog yet, or has given up this engine and reverted all.
  for (let held = false; !held; ) {
    held = await lifecycle.plan(requests, never).then((plan) => lifecycle.start(plan, HOLD, never)).then(() => true, () => realClock.sleep(1_000).then(() => false));
  }
}
const recovered = { cleared: [...new Set(cleared.map(({ policy }) => policy))].toSorted(), open: open.map(({ policy, note }) => `${policy}: ${note}`), damage };
const active = lifecycle.reports().filter(({ state }) => state === 'active').map(({ policy, state }) => `${policy} ${state}`).toSorted();
process.stdout.write(`${JSON.stringify({ ...recovered, active })}\n`);
if (mode === 'recover') process.exit(0);
