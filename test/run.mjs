// `npm test [-- FILE...]`: sets up what is missing, builds the room, then runs the tests on Node 24.
import { join } from 'node:path';
import { ensureDependencies, root, runOnNode } from '../engine/cli/bootstrap.mjs';

ensureDependencies();
// Only now: the bundler is one of the dependencies.
const { buildRoom } = await import('../renderer/build.mjs');
await buildRoom();

const chosen = process.argv.slice(2);
const files = chosen.length > 0 ? chosen : ['engine/**/*.test.ts', 'renderer/**/*.test.ts', 'test/**/*.test.ts'];
runOnNode(
  [
    '--disable-warning=ExperimentalWarning',
    '--test',
    // Two files at a time: many tests measure processor time or start servers of their own.
    '--test-concurrency=2',
    '--test-timeout=900000',
    `--test-reporter=${join(root, 'test/reporter.mjs')}`,
    ...files,
  ],
  { cwd: root },
);
