import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { identityOf } from '../../engine/host/identity.ts';
import { messageOf } from '../../engine/kernel/errors.ts';

// Starting processes is most of what these tests do, and what they read is always the same. Where Node itself would put it.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache');

export interface Said {
  readonly what: string;
  readonly [key: string]: unknown;
}

/** A child process that says one JSON line for each thing that happens. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly process: ChildProcess;
  readonly said: readonly Said[];
  /**
   * Resolves with the first line of this kind, said or yet to be said; rejects when the child ends first or after BUSY_MACHINE.
   */
  hears(what: string): Promise<Said>;
  write(line: string): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts a script of this folder. Killed when disposed, with every watchdog it told of. @param through a program that becomes it, such as `setpriv`. */
export function startChild(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}, through: readonly string[] = []): Child {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const [program = '', ...rest] = [...through, process.execPath, '--disable-warning=ExperimentalWarning', path, ...args];
  const child = spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const said: Said[] = [];
  let errors = '';
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(JSON.parse(line) as Said);
    for (const look of waiting) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  child.stdin.on('error', () => {});
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  return {
    pid: child.pid ?? 0,
    process: child,
    said,
    hears: (what) =>
      new Promise((resolve, reject) => {
        const done = (settle: () => void): void => {
          waiting.delete(look);
          clearTimeout(timer);
          settle();
        };
        const look = (): void => {
          const found = said.find((line) => line.what === what);
          if (found !== undefined) done(() => resolve(found));
        };
        const fail = (why: string): void =>
          done(() => reject(new Error(`${why} before "${what}"; it said ${JSON.stringify(said)} ${errors}`)));
        const timer = setTimeout(() => fail(`${BUSY_MACHINE} ms went by`), BUSY_MACHINE);
        waiting.add(look);
        void gone.then(() => fail('the child ended'));
        look();
      }),
    write: (line) => void child.stdin?.write(`${line}\n`),
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill();
      for (const { what, pid } of said) {
        if (what === 'watchdog' && typeof pid === 'number') endOwn(pid);
      }
    },
  };
}

/**
 * Runs the command line to its end and returns what it printed, whatever its exit code. Rejects when it says
 * nothing, or has not ended after BUSY_MACHINE.
 */
export async function firebreak(...args: readonly string[]): Promise<string> {
  const path = fileURLToPath(new URL('../../engine/cli/main.ts', import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path, ...args],
      { timeout: BUSY_MACHINE },
      (error, stdout, stderr) => {
        const failed = error?.killed === true ? `did not end within ${BUSY_MACHINE} ms` : 'said nothing';
        if (error?.killed === true || stdout === '') reject(new Error(`firebreak ${args.join(' ')} ${failed}: ${stdout}${stderr}`));
        else resolve(stdout);
      },
    );
  });
}

/** Ends a detached process that a child of ours has started and told us of, if it is still there. */
function endOwn(pid: number): void {
  const mark = identityOf(pid);
  if (mark === undefined) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has just ended by itself.
  }
}

/** Waits for a condition, at most `limit` ms; looks every 20 ms. Returns how long it took. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limit: number,
  more: () => string = () => '',
): Promise<number> {
  const from = performance.now();
  while (!(await condition())) {
    if (performance.now() - from > limit) assert.fail(`not within ${limit} ms: ${what} ${more()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - from;
}

/** A run did not come to its kill: it says nothing of what stays behind. */
export class NotReached extends Error {}

/** @param run calls `reached` as it kills; what it fails with before that is thrown as NotReached. */
export async function reaching<T>(run: (reached: () => void) => Promise<T>): Promise<T> {
  let was = false;
  try {
    return await run(() => void (was = true));
  } catch (error) {
    throw was ? error : new NotReached(messageOf(error), { cause: error });
  }
}

/** The watchdog's own account, for a failed assertion. */
export function logOf(stateDir: string): string {
  const path = join(stateDir, 'watchdog.log');
  return existsSync(path) ? readFileSync(path, 'utf8') : '(no watchdog log)';
}

/** Whether the process with this pid has ended. */
export const hasEnded = (pid: number): boolean => identityOf(pid) === undefined;

/** How long a process may take to start, or a command to end, where something else has the processor; milliseconds. */
export const BUSY_MACHINE = 60_000;
/** The bound of the promise (issue: "within 12 s nothing is left"), in milliseconds. */
export const NOTHING_LEFT = 12_000;
