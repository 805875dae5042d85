import { openShop } from '../demo/open.ts';
import { VERSION } from '../version.ts';
import { runCli } from './program.ts';
import { type Parts } from './session.ts';

/** The entry of `firebreak`, on Node 24. The engine is loaded when a command needs it, so that help comes at once. */
const parts: Parts = {
  createEngine: async (options) => {
    const { createEngine } = await import('../index.ts');
    return createEngine(options);
  },
  startDemo: openShop,
  startHelper: async (options) => {
    const { startHelper } = await import('../index.ts');
    return startHelper(options);
  },
};
process.exit(await runCli(process.argv.slice(2), parts, VERSION));
