import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Route } from '../contract/models.ts';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { DemoChild, type SpawnNode } from './child.ts';
import { Client } from './services/client.ts';

/** The services of the shop, in the order in which they call each other. Routes and processes bear these names. */
export const SERVICES = ['storefront', 'orders', 'payments', 'ledger'] as const;
export type ServiceName = (typeof SERVICES)[number];

export interface DemoDeps {
  /** Opens the routes, fills in the ports that were 0, and returns them in the same order. */
  openRoutes(routes: Route[]): Promise<readonly Route[]>;
  /** Closes routes by name; without it they stay open until the engine ends. */
  closeRoutes?(names: readonly string[]): Promise<void>;
  readonly spawnNode: SpawnNode;
  readonly clock: Clock;
  readonly seed: number;
  /** Requests per second of the load generator; default 20, 0 for none. */
  readonly rate?: number;
}

/** Totals of the load generator since the start; p50 in milliseconds over the newest answers, null before the first. */
export interface LoadStats {
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly p50: number | null;
}

export interface Demo extends AsyncDisposable {
  /** One for each hop, by the name of the service it leads to. */
  readonly routes: readonly Route[];
  /** The shop's front, through its route: `http://host:port`. */
  readonly url: string;
  /** Up to a quarter of a second old. */
  readonly load: LoadStats;
  /** The processes as they are now; a restarted service has a new pid. */
  processes(): readonly { readonly name: string; readonly pid: number }[];
}

/** How long the shop may take until its first checkout succeeds, milliseconds. */
const HEALTHY_WITHIN = 30_000;
const DEFAULT_RATE = 20;

/**
 * Starts the shop: four services that listen on ports of their own, a route in front of each, every service pointed at
 * the route of the next, one checkout through all of them as a health check, then steady traffic. Disposing ends every
 * process and removes the temporary files.
 * @throws FirebreakError `demo-failed`, or what `openRoutes` throws; nothing is left running then.
 */
export async function startDemo(deps: DemoDeps): Promise<Demo> {
  const { clock, seed, spawnNode } = deps;
  await using stack = new AsyncDisposableStack();
  // Made by the ledger, which removes it should this process be killed; a folder made here would then stay.
  const folder = join(tmpdir(), `firebreak-demo-${randomUUID()}`);
  stack.defer(() => rm(folder, { recursive: true, force: true }));

  const services = SERVICES.map((name) => stack.use(new DemoChild(name, spawnNode, clock)));
  for (const service of services) service.start();
  await Promise.all(services.map((service) => service.listening()));

  const wanted = services.map(
    ({ name, port }): Route => ({ name, protocol: 'http', listen: '127.0.0.1:0', upstream: `127.0.0.1:${port}` }),
  );
  const routes = await deps.openRoutes(wanted);
  stack.defer(async () => {
    // A run that is not over yet still has them; they then stay until the engine ends.
    await deps.closeRoutes?.(SERVICES).catch((error: unknown) => {
      if (!(error instanceof FirebreakError) || error.code !== 'route-in-use') throw error;
    });
  });
  services.forEach((service, index) => {
    service.configure({ seed, folder, next: routes[index + 1]?.listen ?? '', rate: 0 });
  });

  const front = routes[0]?.listen ?? '';
  await firstCheckout(front, services[0] as DemoChild, clock);

  let stats: LoadStats = { sent: 0, ok: 0, failed: 0, p50: null };
  const load = new DemoChild('load', spawnNode, clock, (news) => (stats = news as unknown as LoadStats));
  const rate = deps.rate ?? DEFAULT_RATE;
  if (rate > 0) {
    stack.use(load).start();
    load.configure({ seed, folder, next: front, rate });
  }
  const children = rate > 0 ? [...services, load] : services;
  const owned = stack.move();
  return {
    routes,
    url: `http://${front}`,
    get load() {
      return stats;
    },
    processes: () => children.map(({ name, pid }) => ({ name, pid })),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function firstCheckout(front: string, storefront: DemoChild, clock: Clock): Promise<void> {
  using client = new Client(front, clock);
  const late = clock.now() + HEALTHY_WITHIN;
  for (;;) {
    const answer = await client.call({ path: '/checkout', timeout: 2_000 });
    if (answer.status === 200) return;
    if (clock.now() > late) throw storefront.failure(`is not healthy (${answer.error || JSON.stringify(answer.body)})`);
    await clock.sleep(20);
  }
}
