import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { FirebreakError, messageOf } from '../kernel/errors.ts';

/** Stands in the command line of every process of Firebreak's own, so that any other process can recognise it. */
export const OWN_MARK = '--firebreak-own=';
/** Stands in the command line of a process that Firebreak starts as something to experiment on (the demo's services). */
export const TARGET_MARK = '--firebreak-target=';

export interface SpawnOptions {
  /** What it is, such as `cpu` or `watchdog`; part of the mark. */
  readonly role: string;
  /** Makes the mark unique, so that this very process can be found by it; part of the mark. */
  readonly token?: string;
  /** True for a process that experiments may hit; it then does not count as Firebreak's own. */
  readonly target?: boolean;
  /** In a session of its own, unreferenced, without pipes unless asked for: it outlives this process. */
  readonly detached?: boolean;
  /** A program that runs it in another place and becomes it, as nsenter does, with its arguments. */
  readonly through?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: all three are pipes; a detached process gets none. */
  readonly stdio?: 'pipe' | 'ignore' | 'inherit' | readonly ('pipe' | 'ignore' | 'inherit' | 'ipc' | number)[];
}

/** The argument by which a process started with this role and token is recognised. */
export function markOf(role: string, token = '', target = false): string {
  return `${target ? TARGET_MARK : OWN_MARK}${role}${token === '' ? '' : `:${token}`}`;
}

/**
 * Starts a script in the current runtime: the same Node, or Electron told to be Node. The only place of the engine that
 * starts child processes, with `capture` and `ask`. A detached child is unreferenced.
 * @throws FirebreakError `spawn-failed` when the process cannot be started.
 */
export function spawnNode(script: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const detached = options.detached === true;
  const stdio = options.stdio ?? (detached ? 'ignore' : 'pipe');
  const [program = '', ...rest] = [...(options.through ?? []), process.execPath, script, ...args, markOf(options.role, options.token, options.target)];
  const child = spawn(program, rest, {
    detached,
    stdio: typeof stdio === 'string' ? stdio : [...stdio],
    env: { ...process.env, ...options.env, ...runtimeEnv() },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  // Without a listener a failed start would end the whole engine; the caller sees it as a child without a pid.
  child.on('error', () => {});
  if (child.pid === undefined) {
    throw new FirebreakError('spawn-failed', `cannot start ${script} with ${process.execPath}`);
  }
  if (detached) child.unref();
  return child;
}

/** Electron's binary is Node only when asked to be. */
export function runtimeEnv(): Readonly<Record<string, string>> {
  return process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' };
}

/**
 * Runs a program to its end and returns what it printed. Blocks; for short questions to the system (`ps`) only.
 * @throws FirebreakError `command-failed` when it is missing, fails, or takes longer than 5 s.
 */
export function capture(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      timeout: 5_000,
      maxBuffer: 64 << 20,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
  } catch (error) {
    throw new FirebreakError('command-failed', `${program} ${args.join(' ')}: ${messageOf(error)}`, { cause: error });
  }
}

export interface AskOptions {
  /** Added to an environment that has nothing but the path and the language. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whose rights the program is to have; root's own otherwise. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** How long it may take, in milliseconds; 5 s when left out. */
  readonly within?: number;
}

/**
 * Runs a program to its end without blocking, with no more of this process's environment than it needs.
 * @throws FirebreakError `command-failed` when it is missing, fails, or takes longer than 5 s; its last words are in the message.
 */
export function ask(program: string, args: readonly string[], { env = {}, user, within = 5_000 }: AskOptions = {}): Promise<string> {
  const whole = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...env };
  return new Promise((resolve, reject) => {
    const child = execFile(program, [...args], { encoding: 'utf8', timeout: within, maxBuffer: 64 << 20, env: whole, ...user }, (error, stdout, stderr) => {
      if (error === null && !isLost(child)) return resolve(stdout);
      const words = stderr.trim() || (error === null ? LOST : messageOf(error));
      reject(new FirebreakError('command-failed', `${program} ${args.join(' ')}: ${words}`, { cause: error }));
    });
    child.stdin?.end();
  });
}

/**
 * Whether what a program printed was thrown away: its time was up while this process stood still, in which it ended. Node does
 * not call that an error, and an empty answer would be taken for "there is none".
 */
export const isLost = ({ stdout }: ChildProcess): boolean => stdout !== null && !stdout.readableEnded;
export const LOST = 'what it said is lost, as this process stood still meanwhile';
