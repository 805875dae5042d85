// What `npm start`, `npm test` and the rest need before TypeScript can run: dependencies and Node 24. Plain JavaScript for
// Node 20, with no dependency of its own.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.firebreak-lock');

/** The oldest Node that runs our sources as they are: type stripping, node:sqlite, process.threadCpuUsage. */
const NEEDED = 24;

/** Installs the dependencies that package-lock.json pins, unless they are there already. */
export function ensureDependencies() {
  const lockFile = join(root, 'package-lock.json');
  // A package installed by a package manager has its dependencies beside it and no lock file of its own.
  if (!existsSync(lockFile)) return;
  const lock = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('Setting up: installing the dependencies pinned in package-lock.json (once) …');
  const npm = process.env.npm_execpath;
  const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const [command, args] = npm?.endsWith('.js') ? [process.execPath, [npm, ...flags]] : ['npm', flags];
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], shell: command === 'npm' && process.platform === 'win32' });
  if (done.status !== 0) {
    console.error('Set-up failed: `npm ci` could not install the dependencies. Check the network and npm settings, then try again.');
    process.exit(5);
  }
  writeFileSync(stamp, lock);
}

/** The Node 24 to run on: this one when new enough, else the one that came with the dependencies. */
export function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED) return process.execPath;
  const names = existsSync(modules) ? readdirSync(modules).filter((name) => /^node-(bin-)?(linux|darwin|win)-/.test(name)) : [];
  const found = names
    .map((name) => join(modules, name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node'))
    .find((path) => existsSync(path));
  if (found !== undefined) return found;
  console.error(`Firebreak runs on Node ${NEEDED}; this is ${process.version} and npm has no Node ${NEEDED} for ${process.platform}-${process.arch}.`);
  console.error(`Install Node ${NEEDED} or newer, then try again.`);
  process.exit(5);
}

/** Runs a script on Node 24 in this terminal and ends with its exit code. Signals are the script's to handle. */
export function runOnNode(args, { cwd = process.cwd(), stdio = 'inherit' } = {}) {
  ensureDependencies();
  const child = spawn(findNode(), args, { cwd, stdio });
  passSignals(child);
  child.on('error', (error) => {
    console.error(`Cannot start ${findNode()}: ${error.message}`);
    process.exit(5);
  });
  child.on('exit', (code, signal) => process.exit(codeOf(code, signal)));
  return child;
}

/** As a shell tells the end of a child. */
export const codeOf = (code, signal) => (signal === null ? (code ?? 5) : 128 + 15);

/** Leaves it to a child what a signal means, and lives until it has ended. */
export function passSignals(child) {
  // Ctrl-C reaches the whole terminal group by itself; the others are passed on.
  process.on('SIGINT', () => {});
  // Nor is Ctrl-Z obeyed: see engine/cli/interrupt.ts.
  if (process.platform !== 'win32') process.on('SIGTSTP', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
}
