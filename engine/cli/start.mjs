// `npm start [-- --browser | --window] [--open] [OPTIONS OF firebreak serve]`: the room with the demo shop behind it, in
// the desktop window, or for a browser where there can be no window. Plain JavaScript for Node 20.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDependencies, findNode, root, runOnNode } from './bootstrap.mjs';
import { openBrowser } from './open-browser.mjs';
import { electronRuntime, runWindow, whyNoWindow } from './window.mjs';

const given = process.argv.slice(2);
const asked = (flag) => given.includes(flag);
const options = given.filter((word) => !['--browser', '--window', '--open'].includes(word));

ensureDependencies();
await buildRoom();
const why = asked('--browser') ? '' : await openWindow();
if (why !== '') console.error(`No desktop window: ${why}. Opening the room for a browser instead.`);
openRoom();

/** Bundles the page when its sources have changed. An installed package brings it along, and no sources. */
async function buildRoom() {
  const builder = join(root, 'renderer/build.mjs');
  if (!existsSync(builder)) return;
  try {
    // Only now: the bundler is one of the dependencies.
    const { buildRoom: build } = await import('../../renderer/build.mjs');
    await build();
  } catch (error) {
    console.error(`The room's page could not be built: ${error.message}`);
    process.exit(5);
  }
}

/** Ends this process with the window; @returns why there is none otherwise. */
async function openWindow() {
  const impossible = whyNoWindow({ platform: process.platform, env: process.env, uid: process.getuid?.(), root });
  if (impossible !== '') return impossible;
  const runtime = await electronRuntime({ root, node: findNode(), again: asked('--window'), show: (line) => console.error(line) });
  return runtime.path === undefined ? runtime.why : runWindow(runtime.path, join(root, 'electron/main.ts'), options);
}

function openRoom() {
  const stdio = asked('--open') ? ['inherit', 'pipe', 'inherit'] : 'inherit';
  const main = join(root, 'engine/cli/main.ts');
  const child = runOnNode(['--disable-warning=ExperimentalWarning', main, 'serve', '--demo', ...options], { stdio });
  if (asked('--open')) openBrowser(child.stdout);
}
