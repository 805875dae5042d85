// `npm test [-- FILE...]`: sets up what is missing, then runs the tests on Node 24.
import { join } from 'node:path';
import { root, runOnNode } from '../engine/cli/bootstrap.mjs';

const chosen = process.argv.slice(2);
const files = chosen.length > 0 ? chosen : ['engine/**/*.test.ts', 'test/**/*.test.ts'];
runOnNode(
  [
    '--disable-warning=ExperimentalWarning',
    '--test',
    // Two files at a time: many tests measure processor time or start servers of their own.
    '--test-concurrency=2',
    '--test-timeout=300000',
    `--test-reporter=${join(root, 'test/reporter.mjs')}`,
    ...files,
  ],
  { cwd: root },
);
