// `npm run residue [-- --runs N] [-- FILE]`: on Node 24.
import { join } from 'node:path';
import { root, runOnNode } from '../../engine/cli/bootstrap.mjs';

runOnNode(['--disable-warning=ExperimentalWarning', join(root, 'test/crash/residue.ts'), ...process.argv.slice(2)], { cwd: root });
