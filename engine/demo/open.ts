import { type EngineClient } from '../contract/client.ts';
import { type Route } from '../contract/models.ts';
import { realClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';

/** The traffic of the demo when no seed is given: the same each time, so that two people see the same. */
const DEMO_SEED = 42;

/** The demo shop in motion: its routes, which replace those of the same name in a file, and where to look at it. */
export interface OpenShop extends AsyncDisposable {
  readonly routes: readonly Route[];
  /** Such as `storefront http://127.0.0.1:41234`. */
  readonly places: readonly { readonly name: string; readonly url: string }[];
  /** The other protocols that it speaks; each has an errand of that name. */
  readonly errands: readonly string[];
  /** One line for each server that was started, or left out and why. */
  readonly notes: readonly string[];
}
export interface ShopOptions {
  readonly seed?: number;
  /** Also start every server that is installed, for the protocols beside HTTP. */
  readonly servers?: boolean;
}

/**
 * Opens the shop behind a running engine, its routes on ports that are free; the same for every host. The engine's code
 * is loaded only now, so that a command line without a demo starts at once.
 * @throws FirebreakError `demo-failed`; nothing is left running then.
 */
export async function openShop(client: EngineClient, { seed = DEMO_SEED, servers = false }: ShopOptions = {}): Promise<OpenShop> {
  const [{ missingServer, spawnNode, startServer }, { startDemo }] = await Promise.all([import('../index.ts'), import('./demo.ts')]);
  const demo = await startDemo({
    spawnNode,
    seed,
    clock: realClock,
    ...(servers && { servers: { missingServer, startServer } }),
    openRoutes: (routes) => client.command('openRoutes', { routes }),
    closeRoutes: async (names) => {
      // An engine that has ended has no routes any more.
      await client.command('closeRoutes', { names: [...names] }).catch((error: unknown) => {
        if (!(error instanceof FirebreakError) || error.code !== 'disconnected') throw error;
      });
    },
  });
  const routes = demo.routes.map(({ name, protocol, listen }) => ({
    name: `route ${name}`,
    url: protocol === 'http' ? `http://${listen}` : listen,
  }));
  return {
    routes: demo.routes,
    errands: demo.errands,
    notes: demo.notes,
    places: [{ name: 'storefront', url: `${demo.url}/checkout` }, ...routes],
    [Symbol.asyncDispose]: () => demo[Symbol.asyncDispose](),
  };
}
