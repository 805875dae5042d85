// `npm run fuzz -- NAME...`: on Node 24.
import { join } from 'node:path';
import { root, runOnNode } from '../../engine/cli/bootstrap.mjs';

runOnNode(
  ['--disable-warning=ExperimentalWarning', '--expose-gc', join(root, 'test/fuzz/run.ts'), ...process.argv.slice(2)],
  { cwd: root },
);
