// `npm run test:electron`: the desktop host's tests, in the true Electron where there is one. Says which it used.
import { join } from 'node:path';
import { electronBinary, electronVersion } from '../../electron/find.mjs';
import { ensureDependencies, root, runOnNode } from '../../engine/cli/bootstrap.mjs';

ensureDependencies();
// Only now: the bundler is one of the dependencies.
const { buildRoom } = await import('../../renderer/build.mjs');
await buildRoom();
const binary = electronBinary();
const headless = process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY;
if (binary === undefined) {
  console.log(
    `Testing the desktop host under the stand-in (Node and Chromium): there is no Electron ${electronVersion()} here.`,
  );
} else if (headless) {
  // A true Electron without a display ends at once, which would look like a fault of ours.
  console.error(`Electron is at ${binary}, but there is no display. Run: xvfb-run npm run test:electron`);
  process.exit(2);
} else console.log(`Testing the desktop host in Electron at ${binary}.`);

const chosen = process.argv.slice(2);
runOnNode(
  [
    '--disable-warning=ExperimentalWarning',
    '--test',
    // Each test starts a program with a browser.
    '--test-concurrency=1',
    '--test-timeout=300000',
    `--test-reporter=${join(root, 'test/reporter.mjs')}`,
    ...(chosen.length > 0 ? chosen : ['test/electron/*.test.ts']),
  ],
  { cwd: root },
);
