import { createInjectors } from '../../engine/faults/injectors.ts';
import { dnsInjector } from '../../engine/faults/dns/injector.ts';
import { manifests } from '../../engine/faults/manifests.ts';
import { identity } from '../../engine/identity.ts';
import { millis } from '../../engine/kernel/brands.ts';
import { type Clock, realClock } from '../../engine/kernel/clock.ts';
import { type FaultRequest, type Injector } from '../../engine/kernel/fault.ts';
import { newRunId } from '../../engine/kernel/random.ts';
import { createLifecycle, type Lifecycle } from '../../engine/lifecycle/lifecycle.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { createBus } from '../../engine/telemetry/bus.ts';
import { createWire } from '../../engine/wire/create.ts';
import { ROUTES, STRUCK, type Struck, UNRULED } from './reboot-faults.ts';

/**
 * Faults with their journal on a disk, for a guest whose power is cut. `strike FOLDER` holds all of them until then; `recover
 * FOLDER` is what every Firebreak does first. Says one line of JSON. No watchdog: it would have no power either.
 */
const [mode = '', stateDir = ''] = process.argv.slice(2);
const HOLD = millis(3_600_000);
const clock = realClock;
/** Effects are not looked at every 50 ms, as there each look takes longer; nor is it a lost lease that the guest stood still. */
const patient: Clock = { ...realClock, sleep: (ms, signal) => realClock.sleep(Math.max(ms, 3_000), signal), every: () => ({ [Symbol.dispose]: () => {} }) };
const never = new AbortController().signal;
const journal = openJournal(stateDir, clock);

function lifecycleOf(over: Readonly<Record<string, Injector>>, wire: Parameters<typeof createInjectors>[0]['wire'] = null): Lifecycle {
  const word = { halted: false, halt: () => void (word.halted = true), resume: () => void (word.halted = false) };
  const injectors = { ...createInjectors({ wire, clock }), ...over };
  return createLifecycle({ injectors, facts: manifests, identity, wire: word, bus: createBus(clock), clock: mode === 'recover' ? clock : patient, journal });
}
/** As where the kernel has no rules: then the file itself names the resolver. */
const NONE = 'this machine has none';
const unruled = lifecycleOf({ dns: dnsInjector({ clock, can: () => ({ redirect: NONE, groups: NONE }) }) as unknown as Injector });

async function start(lifecycle: Lifecycle, struck: readonly Struck[]): ReturnType<Lifecycle['start']> {
  const requests = struck.map(({ name, type, target, fields }): FaultRequest => ({
    run: newRunId(), policy: name, type, target, route: '', routes: ROUTES, ignored: [], seed: 1, hold: HOLD, params: manifests[type].params.parse(fields),
  }));
  return lifecycle.start(await lifecycle.plan(requests, never), HOLD, never);
}
const inWords = ({ policy, state }: { readonly policy: string; readonly state: string }): string => `${policy} ${state}`;
const say = (what: unknown): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

if (mode === 'strike') {
  const wire = createWire();
  await wire.open(ROUTES);
  const lifecycle = lifecycleOf({}, wire);
  await start(lifecycle, STRUCK);
  // Last: it is given up when its resolver was starved.
  await start(unruled, UNRULED);
  say([...unruled.reports(), ...lifecycle.reports()].map(inWords).toSorted());
} else {
  const { cleared, open, damage } = await lifecycleOf({}).recover();
  say({ cleared: cleared.map(({ policy }) => policy).toSorted(), open: open.map(({ policy, note }) => `${policy}: ${note}`), damage });
  process.exit(0);
}
