// `npm start [-- --browser | --window] [--open] [OPTIONS OF firebreak serve]`: the room with the demo shop behind it, in
// the desktop window, or for a browser where there can be no window. Plain JavaScript for Node 20.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDependencies, findNode, root, runOnNode } from './bootstrap.mjs';
import { openBrowser } from './open-browser.mjs';
import { electronRuntime, runWindow, whyNoWindow } from './window.mjs';

const given = process.argv.slice(2);
const asked = (flag) => given.includes(flag);
const options = given.filter((word) => !['--browser', '--window', '--open'].includes(word));

ensureDependencies();
await build('renderer/build.mjs', 'buildRoom');
const why = asked('--browser') ? '' : await openWindow();
if (why !== '') console.error(`No desktop window: ${why}. Opening the room for a browser instead.`);
openRoom();

/** Bundles what has changed since the last time. An installed package brings the bundles along, and no sources. */
async function build(script, name) {
  const builder = join(root, script);
  if (!existsSync(builder)) return;
  try {
    // Only now: the bundler is one of the dependencies.
    await (await import(pathToFileURL(builder).href))[name]();
  } catch (error) {
    console.error(`The room could not be built (${script}): ${error.message}`);
    process.exit(5);
  }
}

/** Ends this process with the window; @returns why there is none otherwise. */
async function openWindow() {
  const impossible = whyNoWindow({ platform: process.platform, env: process.env, uid: process.getuid?.(), root });
  if (impossible !== '') return impossible;
  const runtime = await electronRuntime({ root, node: findNode(), again: asked('--window'), show: (line) => console.error(line) });
  if (runtime.path === undefined) return runtime.why;
  await build('electron/build.mjs', 'buildPreload');
  return runWindow(runtime.path, join(root, 'electron/main.ts'), ['--demo', ...options]);
}

function openRoom() {
  const stdio = asked('--open') ? ['inherit', 'pipe', 'inherit'] : 'inherit';
  const main = join(root, 'engine/cli/main.ts');
  const child = runOnNode(['--disable-warning=ExperimentalWarning', main, 'serve', '--demo', ...options], { stdio });
  if (asked('--open')) openBrowser(child.stdout);
}
