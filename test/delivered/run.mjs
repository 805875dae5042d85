// `npm run delivered [-- FILE]`: on Node 24.
import { join } from 'node:path';
import { root, runOnNode } from '../../engine/cli/bootstrap.mjs';

runOnNode(['--disable-warning=ExperimentalWarning', join(root, 'test/delivered/run.ts'), ...process.argv.slice(2)], { cwd: root });
