import { selfIdentity, stateOf } from '../../host/identity.ts';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { type FaultRequest, type Injector } from '../../kernel/fault.ts';
import { newRunId } from '../../kernel/random.ts';
import { createLifecycle } from '../../lifecycle/lifecycle.ts';
import { openJournal } from '../../store/journal.ts';
import { createBus } from '../../telemetry/bus.ts';
import { networkInjector } from './injector.ts';
import { networkManifest } from './manifest.ts';

/**
 * The life of one network fault with its journal on a disk, for a guest whose power is cut: `strike FOLDER TARGET` holds it
 * until then, `recover FOLDER` is what Firebreak does at its next start. Says one line. No watchdog: it has no power either.
 */
const [mode = '', stateDir = '', target = ''] = process.argv.slice(2);
const wire = { halted: false, halt: () => void (wire.halted = true), resume: () => void (wire.halted = false) };
const lifecycle = createLifecycle({
  injectors: { network: networkInjector({ clock: realClock }) as unknown as Injector },
  facts: { network: { ...networkManifest, explain: () => '' } },
  identity: { self: selfIdentity(), alive: (mark) => stateOf(mark) !== 'dead' },
  wire, bus: createBus(realClock), clock: realClock, journal: openJournal(stateDir, realClock),
});
const never = new AbortController().signal;

if (mode === 'strike') {
  const request: FaultRequest = {
    run: newRunId(), policy: 'slow', type: 'network', target, route: '', routes: [], ignored: [], seed: 1, hold: millis(3_600_000),
    params: networkManifest.params.parse({ latency: '100ms', loss: 0.1, direction: 'both', allowWhole: true }),
  };
  await lifecycle.start(await lifecycle.plan([request], never), millis(3_600_000), never);
  process.stdout.write(`${JSON.stringify(lifecycle.reports().map(({ state }) => state))}\n`);
} else {
  const { cleared, open } = await lifecycle.recover();
  process.stdout.write(`${JSON.stringify({ cleared: cleared.length, open: open.length })}\n`);
  process.exit(0);
}
