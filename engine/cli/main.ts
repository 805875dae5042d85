import { readFileSync } from 'node:fs';
import { realClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { runCli } from './program.ts';
import { type Parts } from './session.ts';

/** The traffic of the demo when no seed is given: the same each time, so that two people see the same. */
const DEMO_SEED = 42;

/** The entry of `firebreak`, on Node 24. The engine is loaded when a command needs it, so that help comes at once. */
const parts: Parts = {
  createEngine: async (options) => {
    const { createEngine } = await import('../index.ts');
    return createEngine(options);
  },
  startDemo: async (client, seed = DEMO_SEED) => {
    const [{ spawnNode }, { startDemo }] = await Promise.all([import('../index.ts'), import('../demo/demo.ts')]);
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
    return {
      routes: demo.routes,
      places: [{ name: 'storefront', url: `${demo.url}/checkout` }, ...demo.routes.map(({ name, listen }) => ({ name: `route ${name}`, url: `http://${listen}` }))],
      [Symbol.asyncDispose]: () => demo[Symbol.asyncDispose](),
    };
  },
};
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
process.exit(await runCli(process.argv.slice(2), parts, version));
