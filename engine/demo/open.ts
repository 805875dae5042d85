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
}

/**
 * Opens the shop behind a running engine, its routes on ports that are free; the same for every host. The engine's code
 * is loaded only now, so that a command line without a demo starts at once.
 * @throws FirebreakError `demo-failed`; nothing is left running then.
 */
export async function openShop(client: EngineClient, seed: number = DEMO_SEED): Promise<OpenShop> {
  const [{ spawnNode }, { startDemo }] = await Promise.all([import('../index.ts'), import('./demo.ts')]);
  const demo = await startDemo({
    spawnNode,
    seed,
    clock: realClock,
    openRoutes: (routes) => client.command('openRoutes', { routes }),
    closeRoutes: async (names) => {
      // An engine that has ended has no routes any more.
      await client.command('closeRoutes', { names: [...names] }).catch((error: unknown) => {
        if (!(error instanceof FirebreakError) || error.code !== 'disconnected') throw error;
      });
    },
  });
  const routes = demo.routes.map(({ name, listen }) => ({ name: `route ${name}`, url: `http://${listen}` }));
  return {
    routes: demo.routes,
    places: [{ name: 'storefront', url: `${demo.url}/checkout` }, ...routes],
    [Symbol.asyncDispose]: () => demo[Symbol.asyncDispose](),
  };
}
