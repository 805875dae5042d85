import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:inspector';
import { createRequire, registerHooks } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Runs a program for Electron in plain Node, with its windows in Chromium: `main.ts [-r FILE]… [switches] APP [args]`.
 * Prints what Playwright waits for from an Electron, so that `_electron.launch` drives it.
 */
const STAND_IN = new URL('./electron.ts', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron'
      ? { url: STAND_IN, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
});

// Children are started with this program, which is Node only when told so; who forgets that starts a second app.
const program = process.env['STAND_IN_PROGRAM'];
if (program !== undefined) {
  process.execPath = program;
  Object.defineProperty(process, 'versions', { value: Object.freeze({ ...process.versions, electron: 'stand-in' }) });
}

const given = process.argv.slice(2);
const required: string[] = [];
let inspect = false;
while (given[0]?.startsWith('-') === true) {
  const option = given.shift();
  if (option === '-r') required.push(given.shift() ?? '');
  if (option?.startsWith('--inspect') === true) inspect = true;
}
const appPath = resolve(given[0] ?? '.');
// As Electron gives it to an app that is not packaged: the program, the app, its arguments.
process.argv = [process.execPath, ...given];
// What the loader of Playwright takes out of the arguments is gone already.
if (required.length > 0) process.argv.splice(1, 0, '--remote-debugging-port=0');

const { app } = await import('./app.ts');
const { setChromium } = await import('./runtime.ts');
const { startChromium } = await import('./cdp.ts');

if (inspect) open(0, '127.0.0.1');
const require = createRequire(import.meta.url);
for (const file of required) require(resolve(file));
await import(pathToFileURL(mainOf(appPath)).href);

const profile = join(app.getPath('userData'), 'chromium');
const chromium = await startChromium(profile);
process.on('exit', () => {
  chromium.kill();
  rmSync(join(profile, 'SingletonLock'), { force: true });
});
process.stderr.write(`DevTools listening on ${chromium.address}\n`);
setChromium(chromium);
app.becomeReady();

/** The entry of an app: the file itself, or what package.json names. */
function mainOf(path: string): string {
  if (!statSync(path).isDirectory()) return path;
  const manifest = join(path, 'package.json');
  const { main } = (existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')) : {}) as { main?: string };
  return join(path, main ?? 'index.js');
}
