// `npm start`: the demo shop, one experiment on it, its verdict and its post-mortem, in this terminal.
import { join } from 'node:path';
import { root, runOnNode } from './bootstrap.mjs';

runOnNode(['--disable-warning=ExperimentalWarning', join(root, 'engine/cli/main.ts'), 'demo', ...process.argv.slice(2)]);
