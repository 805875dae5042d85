import { realClock } from '../../kernel/clock.ts';
import { type Effect } from '../../kernel/fault.ts';
import { contextOf, faultRequest } from '../../../test/support/fault-life.ts';
import { networkInjector } from './injector.ts';
import { networkManifest, type NetworkParams } from './manifest.ts';
import { makeWorld, type World } from './test-world.ts';

/**
 * What this kernel delivers of each effect, in a world of its own, one line of JSON for each: `npm run delivered` runs it in a
 * guest whose kernel has netem. Longer delays than a person would ask for: an emulator adds some hundredths of a second.
 */
interface Delivered {
  readonly name: string;
  readonly effect: Effect;
  readonly reverted: boolean;
}

interface Trial {
  readonly name: string;
  readonly fields: Record<string, unknown>;
  /** Of `here`; left out: its cable. */
  readonly device?: string;
  readonly act: (world: World, look: () => Promise<Effect>) => Promise<unknown>;
}

const send = (count: number, pause: number) => (world: World): Promise<unknown> => world.send('udp', world.four, 5432, count, pause);
/** Looks while it sends: a rate can be told only then. */
async function sendAndLook(world: World, look: () => Promise<Effect>): Promise<void> {
  const sending = send(2_000, 50)(world);
  for (let over = false; !over; over = await Promise.race([sending.then(() => true), realClock.sleep(200).then(() => false)])) await look();
}
async function untilProbed(_world: World, look: () => Promise<Effect>): Promise<void> {
  for (let effect = await look(); effect.figures[0]?.delivered == null; effect = await look()) await realClock.sleep(500);
}

const TRIALS: readonly Trial[] = [
  { name: 'latency 2 s', fields: { latency: '2s', port: 5432, probe: '10.99.0.2:5432' }, act: untilProbed },
  { name: 'loss, 20 %', fields: { loss: 0.2, port: 5432 }, act: send(5_000, 10) },
  { name: 'rate 200 kbit/s', fields: { rate: '200kbit', port: 5432 }, act: sendAndLook },
  { name: '30 % sent twice', fields: { duplication: 0.3, port: 5432 }, act: send(4_000, 5) },
  { name: '25 % sent ahead', fields: { latency: '50ms', reordering: 0.25, port: 5432, protocol: 'udp' }, act: send(4_000, 5) },
  { name: '30 % damaged', fields: { corruption: 0.3, port: 5432, protocol: 'udp' }, device: 'lo', act: (world) => world.send('udp', '127.0.0.1', 5432, 3_000, 5) },
];

await using world = await makeWorld();
for (const { name, fields, device, act } of TRIALS) {
  const before = world.picture();
  const injector = networkInjector({ clock: realClock });
  const request = faultRequest<NetworkParams>(networkManifest, fields, { target: `netns:${world.here}/${device ?? world.dev}` });
  const [plan] = await injector.plan(request, AbortSignal.timeout(120_000));
  if (plan === undefined) throw new Error(`${name}: nothing is planned`);
  const context = contextOf(request);
  const look = (): Promise<Effect> => injector.verify(plan.undo, context);
  await injector.inject(plan.undo, context);
  await act(world, look);
  const effect = await look();
  await injector.revert(plan.undo);
  process.stdout.write(`${JSON.stringify({ name, effect, reverted: world.picture() === before } satisfies Delivered)}\n`);
}
