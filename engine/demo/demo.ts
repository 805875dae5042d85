import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Route } from '../contract/models.ts';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { DemoChild, type SpawnNode } from './child.ts';
import { type ErrandName } from './errands/errands.ts';
import { type ServerStarter, startParts } from './parts.ts';
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
  /** Given, the demo also speaks every other protocol whose server is installed here. */
  readonly servers?: ServerStarter;
}

/** Totals of the load generator since the start; p50 in milliseconds over the newest answers, null before the first. */
export interface LoadStats {
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly p50: number | null;
}

export interface Demo extends AsyncDisposable {
  /** One for each hop, by the name of the service it leads to; then those to the errands and what they use. */
  readonly routes: readonly Route[];
  /** The protocols that are spoken beside the shop's own, each by an errand of that name. */
  readonly errands: readonly ErrandName[];
  /** One line for each of the other servers: started, or left out and why. */
  readonly notes: readonly string[];
  /** The shop's front, through its route: `http://host:port`. */
  readonly url: string;
  /** Up to a quarter of a second old. */
  readonly load: LoadStats;
  /** The processes as they are now; a restarted service has a new pid. */
  processes(): readonly { readonly name: string; readonly pid: number }[];
}

/** How long the shop may take until its first checkout succeeds, milliseconds. */
const HEALTHY_WITHIN = 30_000;
/** The same for the errands, whose clients have to settle with their servers first. */
const SETTLED_WITHIN = 60_000;
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

  const make = (name: string): DemoChild => new DemoChild(name, spawnNode, clock);
  const services = SERVICES.map((name) => stack.use(make(name)));
  for (const service of services) service.start();
  const listening = Promise.all(services.map((service) => service.listening()));
  listening.catch(() => {}); // awaited below, once there is nothing left that is still being started
  const parts = deps.servers === undefined ? undefined : stack.use(await startParts(deps.servers, make));
  await listening;
  const errands = parts === undefined || parts.routes.length === 0 ? undefined : stack.use(make('errands'));
  errands?.start();
  await errands?.listening();

  const http = [...services, ...(errands === undefined ? [] : [errands])];
  const wanted = http.map(({ name, port }): Route => ({ name, protocol: 'http', listen: '127.0.0.1:0', upstream: `127.0.0.1:${port}` }));
  const routes = await deps.openRoutes([...wanted, ...(parts?.routes ?? []).map(({ route }) => route)]);
  stack.defer(async () => {
    // A run that is not over yet still has them; they then stay until the engine ends.
    await deps.closeRoutes?.(routes.map(({ name }) => name)).catch((error: unknown) => {
      if (!(error instanceof FirebreakError) || error.code !== 'route-in-use') throw error;
    });
  });
  services.forEach((service, index) => {
    service.configure({ seed, folder, next: (index + 1 < services.length ? routes[index + 1]?.listen : '') ?? '', rate: 0 });
  });
  const front = routes[0]?.listen ?? '';
  await firstSuccess(front, '/checkout', services[0] as DemoChild, clock, HEALTHY_WITHIN);

  const listenOf = (name: string): string => routes.find((route) => route.name === name)?.listen ?? '';
  const kinds = parts?.routes ?? [];
  if (errands !== undefined) {
    for (const child of parts?.children ?? []) child.configure({ seed, folder, next: '', rate: 0 });
    const servedAt = Object.fromEntries(kinds.map(({ errand, route }) => [errand, listenOf(route.name)]));
    errands.configure({ seed, folder, next: '', rate: 0, parts: servedAt });
    await firstSuccess(listenOf('errands'), '/all', errands, clock, SETTLED_WITHIN);
  }

  let stats: LoadStats = { sent: 0, ok: 0, failed: 0, p50: null };
  const load = new DemoChild('load', spawnNode, clock, (news) => (stats = news as unknown as LoadStats));
  const rate = deps.rate ?? DEFAULT_RATE;
  if (rate > 0) {
    stack.use(load).start();
    load.configure({ seed, folder, next: front, rate, parts: Object.fromEntries(kinds.map(({ errand }) => [errand, listenOf('errands')])) });
  }
  const children = [...http, ...(parts?.children ?? []), ...(rate > 0 ? [load] : [])];
  const owned = stack.move();
  return {
    routes,
    errands: kinds.map(({ errand }) => errand),
    notes: parts?.notes ?? [],
    url: `http://${front}`,
    get load() {
      return stats;
    },
    processes: () => children.map(({ name, pid }) => ({ name, pid })),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function firstSuccess(address: string, path: string, service: DemoChild, clock: Clock, within: number): Promise<void> {
  using client = new Client(address, clock);
  const late = clock.now() + within;
  for (;;) {
    const answer = await client.call({ path, timeout: 5_000 });
    if (answer.status === 200) return;
    if (clock.now() > late) throw service.failure(`is not healthy (${answer.error || JSON.stringify(answer.body)})`);
    await clock.sleep(20);
  }
}
