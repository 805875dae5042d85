import { createInjectors } from '../../engine/faults/injectors.ts';
import { dnsInjector } from '../../engine/faults/dns/injector.ts';
import { networkInjector } from '../../engine/faults/network/injector.ts';
import { manifests } from '../../engine/faults/manifests.ts';
import { netCapabilities } from '../../engine/host/net-capabilities.ts';
import { identity } from '../../engine/identity.ts';
import { millis } from '../../engine/kernel/brands.ts';
import { type Clock, realClock } from '../../engine/kernel/clock.ts';
import { type FaultRequest, type Injector } from '../../engine/kernel/fault.ts';
import { newRunId } from '../../engine/kernel/random.ts';
import { createLifecycle, type Lifecycle } from '../../engine/lifecycle/lifecycle.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { createBus } from '../../engine/telemetry/bus.ts';
import { createWire } from '../../engine/wire/create.ts';
import { LACKING, ROUTES, STRUCK, type Struck } from './reboot-faults.ts';

/**
 * Faults with their journal on a disk, for a guest whose power is cut. `strike FOLDER` holds all of them until then; `recover
 * FOLDER` is what every Firebreak does first. Says one line of JSON. No watchdog: it would have no power either.
 */
const [mode = '', stateDir = ''] = process.argv.slice(2);
const HOLD = millis(3_600_000);
/** The longest between two looks at an effect, in milliseconds. */
const LOOKS = 1_000;
const clock = realClock;
/** Each effect is looked at once only, as there a look takes longer than all the rest; nor is it a lost lease that the guest stood still. */
const patient: Clock = { ...realClock, sleep: (ms, signal) => realClock.sleep(ms > LOOKS ? ms : HOLD, signal), every: () => ({ [Symbol.dispose]: () => {} }) };
const never = new AbortController().signal;
const journal = openJournal(stateDir, clock);

function lifecycleOf(over: Readonly<Record<string, Injector>>, wire: Parameters<typeof createInjectors>[0]['wire'] = null): Lifecycle {
  const word = { halted: false, halt: () => void (word.halted = true), resume: () => void (word.halted = false) };
  const injectors = { ...createInjectors({ wire, clock }), ...over };
  return createLifecycle({ injectors, facts: manifests, identity, wire: word, bus: createBus(clock), clock: mode === 'recover' ? clock : patient, journal });
}
/** As where the kernel has neither rules for names nor netem: then the file itself names the resolver, and a program holds the packets. */
const NONE = 'this machine has none';
const withoutNetem = (): ReturnType<typeof netCapabilities> => {
  const can = netCapabilities();
  return can && { ...can, netem: NONE, reader: '' };
};
const lacking = lifecycleOf({
  dns: dnsInjector({ clock, can: () => ({ redirect: NONE, groups: NONE }) }) as unknown as Injector,
  network: networkInjector({ clock, capabilities: withoutNetem }) as unknown as Injector,
});

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
  await start(lacking, LACKING);
  say([...lacking.reports(), ...lifecycle.reports()].map(inWords).toSorted());
} else {
  const { cleared, open, damage } = await lifecycleOf({}).recover();
  say({ cleared: cleared.map(({ policy }) => policy).toSorted(), open: open.map(({ policy, note }) => `${policy}: ${note}`), damage });
  process.exit(0);
}
