// Whether the desktop window can be opened here, where its runtime is, and running it. Plain JavaScript for Node 20.
// `electron` has no install script and fetches its runtime when it is first loaded; so it is never loaded here, and what
// it would do is done in a child that can be given up on.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { passSignals, codeOf } from './bootstrap.mjs';

const FETCHER = fileURLToPath(new URL('./fetch-electron.mjs', import.meta.url));
const DAY = 24 * 3_600_000;
/** Without news for so long a download is given up, milliseconds. */
const PATIENCE = { downloading: 20_000, unpacking: 120_000 };
/** A window that ends sooner than this with an error was never one: a library or the display is missing. Milliseconds. */
const STARTED_AFTER = 10_000;

/** Why there can be no window, without trying; '' when nothing speaks against it. */
export function whyNoWindow({ platform, env, uid, root }) {
  if (!existsSync(join(root, 'electron/main.ts'))) return 'this package has none';
  if (platform !== 'linux') return '';
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY) return 'there is no display';
  // Chromium refuses to run as root with its sandbox, and without it we do not run it.
  return uid === 0 ? 'a sandboxed window cannot belong to root' : '';
}

/**
 * Where the Electron runtime is, fetched when it is not there yet. A failure is remembered for a day, so that a machine
 * without a network starts quickly; `again` tries all the same.
 * @returns {Promise<{ path: string } | { path?: undefined, why: string }>}
 */
export async function electronRuntime({ root, node, again, show, now = Date.now(), patience = PATIENCE }) {
  const folder = join(root, 'node_modules/electron');
  if (!existsSync(join(folder, 'package.json'))) return { why: 'Electron is not installed' };
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const there = installed(folder, version);
  if (there !== undefined) return { path: there };
  const memory = join(root, 'node_modules/.cache/firebreak/electron.json');
  const failed = again ? undefined : recall(memory, version, now);
  if (failed !== undefined) return { why: `the Electron runtime could not be fetched (${failed}; tried again after a day, or with --window)` };
  show(`Fetching the Electron runtime ${version} (once) …`);
  const why = await fetchRuntime(folder, node, show, patience);
  const path = why === '' ? installed(folder, version) : undefined;
  if (path !== undefined) return { path };
  const reason = why === '' ? 'it is not where it should be' : why;
  mkdirSync(dirname(memory), { recursive: true });
  writeFileSync(memory, JSON.stringify({ at: now, version, why: reason }));
  return { why: `the Electron runtime could not be fetched (${reason})` };
}

const BINARY = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' };

/** What was unpacked completely, or an Electron that the user has elsewhere (see electron/find.mjs). */
function installed(folder, version) {
  const read = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim() : '');
  const given = process.env.FIREBREAK_ELECTRON_DIST || process.env.ELECTRON_OVERRIDE_DIST_PATH;
  const path = join(given || join(folder, 'dist'), BINARY[process.platform] ?? 'electron');
  // The package writes path.txt last.
  const complete = Boolean(given) || (read('path.txt') !== '' && read('dist/version').replace(/^v/, '') === version);
  return complete && existsSync(path) ? path : undefined;
}

function recall(memory, version, now) {
  try {
    const last = JSON.parse(readFileSync(memory, 'utf8'));
    // A clock that was set back must not make it a memory for ever.
    return last.version === version && Math.abs(now - last.at) < DAY ? String(last.why) : undefined;
  } catch {
    return undefined;
  }
}

/** @returns {Promise<string>} why it failed, '' when it did not. */
function fetchRuntime(folder, node, show, patience) {
  // Through the proxy of the environment, which Node's fetch ignores unless told.
  const child = spawn(node, [FETCHER, folder], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_USE_ENV_PROXY: '1' } });
  return new Promise((resolve) => {
    let gaveUp = '';
    let said = '';
    let timer;
    const wait = (stage) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        gaveUp = `nothing came for ${patience[stage] / 1_000} s`;
        child.kill('SIGKILL');
      }, patience[stage]);
    };
    wait('downloading');
    let shown = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      wait(line === 'unpacking' ? 'unpacking' : 'downloading');
      const tenth = Math.floor(Number(line) / 10);
      if (tenth > shown) show(`  ${(shown = tenth) * 10} %`);
    });
    child.stderr.on('data', (bytes) => (said += bytes));
    child.on('error', (error) => (said += error.message));
    child.on('close', (code) => {
      clearTimeout(timer);
      const last = said.trim().split('\n').find((line) => line !== '') ?? `it ended with ${code}`;
      resolve(code === 0 ? '' : gaveUp || last);
    });
  });
}

/** Runs the window and ends this process with it; @returns why, when it did not come up. */
export function runWindow(runtime, main, options) {
  const { ELECTRON_RUN_AS_NODE: _, ...env } = process.env;
  const began = Date.now();
  const child = spawn(runtime, [main, ...options], { stdio: 'inherit', env });
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => (stopped = true));
  passSignals(child);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(`Electron cannot be started (${error.code ?? error.message})`));
    child.on('exit', (code, signal) => {
      if (code === 0 || stopped || Date.now() - began > STARTED_AFTER) process.exit(codeOf(code, signal));
      resolve(`Electron ended at once (${signal ?? `exit code ${code}`})`);
    });
  });
}
