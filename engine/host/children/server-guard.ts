import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ServerOrder } from './server-order.ts';

/**
 * Starts one server in a folder that it makes, tells its pid in a line of its stdout, and lets the server write to its own
 * stderr. When stdin closes (whoever started this is gone, however it went), or when the server ends, it ends everything
 * that it started, removes the folder and ends itself. Started by host/server-process.ts.
 */

/** How long a server may take to end by itself, milliseconds. */
const END_WITHIN = 20_000;

// It is in a session of its own, so a terminal does not reach it; someone may still send these to every process.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {});

/** What runs, the oldest first. */
let running: readonly { readonly child: ChildProcess; readonly over: Promise<unknown> }[] = [];
let order: ServerOrder | undefined;
let ending = false;

process.stdin.on('error', () => {});
createInterface({ input: process.stdin })
  .once('line', (line) => {
    order = JSON.parse(line) as ServerOrder;
    serve(order).then(end, (error: unknown) => {
      say(2, error instanceof Error ? error.message : String(error));
      return end();
    });
  })
  .once('close', () => void end());

/** Resolves when the server has ended by itself. */
async function serve({ folder, files, first, helper, command, user }: ServerOrder): Promise<void> {
  const own = (path: string): void => {
    if (user !== null) chownSync(path, user.uid, user.gid);
  };
  mkdirSync(folder, { mode: 0o700 });
  own(folder);
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    own(path);
  }
  for (const one of first) {
    const code = await launch(one);
    if (ending) return;
    if (code !== 0) throw new Error(`${one[0]} ended with ${code}`);
  }
  if (helper !== null) void launch(helper).catch(() => {});
  const over = launch(command);
  const pid = running.at(-1)?.child.pid;
  if (pid !== undefined) say(1, String(pid));
  await over;
}

/** In a session of its own, so that all that it starts can be ended with it. Resolves with its exit code or signal. */
function launch([program, ...args]: readonly [string, ...string[]]): Promise<number | string> {
  const { folder = '', env = {}, user = null } = order ?? {};
  // The descriptor itself and not the stream, which would make it non-blocking for the server too.
  const child = spawn(program, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 2, 2], detached: true, ...user });
  const over = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal ?? ''));
  });
  const one = { child, over };
  running = [...running, one];
  const gone = (): void => {
    running = running.filter((other) => other !== one);
    endGroup(child.pid);
  };
  over.then(gone, gone);
  return over;
}

/** Ends the newest first: the helper is there for the server. What ends by itself meanwhile is waited for no longer. */
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  for (let last = running.at(-1); last !== undefined; last = running.at(-1)) {
    const { child, over } = last;
    child.kill('SIGCONT'); // an experiment may have stopped it
    child.kill(order?.stopSignal ?? 'SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), END_WITHIN);
    await over.catch(() => {});
    clearTimeout(hard);
  }
  if (order !== undefined) rmSync(order.folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

/** What a program has started and not ended itself. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // nobody is left
  }
}

function say(descriptor: number, line: string): void {
  try {
    writeSync(descriptor, `${line}\n`);
  } catch {
    // nobody is left to read it; stdin says so too
  }
}
