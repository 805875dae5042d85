// `npm run bench [-- NAME...]`: the benches on Node 24.
import { join } from 'node:path';
import { root, runOnNode } from '../../engine/cli/bootstrap.mjs';

runOnNode(['--disable-warning=ExperimentalWarning', '--expose-gc', join(root, 'test/bench/index.ts'), ...process.argv.slice(2)], { cwd: root });
