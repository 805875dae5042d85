import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { type ProcessIdentity, stateOf } from './identity.ts';
import { findByArgument } from './processes.ts';
import { signal } from './signals.ts';
import { markOf, spawnNode } from './spawn.ts';

/**
 * A child that holds a load on this machine for as long as somebody renews its lease. It can be found by its mark in
 * the command line alone, so the inverse, `endHeld`, needs nothing but the token, in any process, after any crash.
 */
export interface Held extends Disposable {
  readonly pid: number;
  /** The newest value of each key that the child has reported. */
  readonly news: ReadonlyMap<string, unknown>;
  readonly alive: boolean;
  tell(line: string): void;
  /** Resolves when the child has reported `ready`; rejects when it ends or the signal is aborted before that. */
  ready(signal: AbortSignal): Promise<void>;
}

export interface HeldOptions {
  /** File in host/children, without extension. */
  readonly script: string;
  readonly role: string;
  readonly token: string;
  readonly args: readonly string[];
  /** A program, with its arguments, that runs the child in another place, as nsenter does. */
  readonly through?: readonly string[];
  /** The child ends itself when nothing has renewed it for this long, in milliseconds. */
  readonly lease?: number;
}

/** DESIGN.md, "The life of a fault": what is not renewed in 10 s is undone. */
export const LEASE_MS = 10_000;

/**
 * What a child may live longer than its fault is meant to last, in milliseconds. Revert ends it, and so does a lease that nobody
 * renews; this only bounds what would miss both. Before the time of an experiment begins, the faults of its set that come later
 * are injected, and all are given up to a minute (`verifyWithin`) to prove themselves.
 */
export const OUTLIVES_MS = 120_000;

/** How often a lease is renewed, in milliseconds: five times before the child gives up (`LEASE_MS`). */
const RENEW_MS = 2_000;
/** The kernel needs some 0.2 s to take back each gigabyte; ten times that for the 4 GB that are the most. */
const END_WITHIN_MS = 8_000;

/** Starts a child of host/children. Disposing stops renewing and closes its stdin, at which it ends. */
export function startHeld(options: HeldOptions, clock: Clock): Held {
  const script = fileURLToPath(new URL(`./children/${options.script}.ts`, import.meta.url));
  const child = spawnNode(script, [...options.args, `--lease=${options.lease ?? LEASE_MS}`], {
    role: options.role,
    token: options.token,
    ...(options.through === undefined ? {} : { through: options.through }),
    stdio: ['pipe', 'pipe', 'ignore'],
    // A session of its own: Ctrl-C in the terminal is for the engine to answer, and the scheduler weighs whole sessions.
    detached: true,
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new FirebreakError('bug', 'a held child needs its pipes');
  stdin.on('error', () => {}); // the child has ended; `alive` says so
  const news = new Map<string, unknown>();
  const waiters = new Set<() => void>();
  const wake = (): void => waiters.forEach((waiter) => waiter());
  let alive = true;
  child.on('exit', () => {
    alive = false;
    renewal[Symbol.dispose]();
    wake();
  });
  createInterface({ input: stdout }).on('line', (line) => {
    for (const [key, value] of Object.entries(read(line))) news.set(key, value);
    wake();
  });
  const renewal = clock.every(RENEW_MS, () => stdin.write('lease\n'));
  return {
    pid: child.pid as number,
    news,
    get alive() {
      return alive;
    },
    tell: (line) => void stdin.write(`${line}\n`),
    ready: (signal) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (news.get('ready') === true) done(resolve);
          else if (signal.aborted) done(() => reject(signal.reason));
          else if (!alive) done(() => reject(new FirebreakError('child-ended', `the ${options.role} child ended before it was ready`)));
        };
        const done = (settle: () => void): void => {
          waiters.delete(look);
          signal.removeEventListener('abort', look);
          settle();
        };
        waiters.add(look);
        signal.addEventListener('abort', look);
        look();
      }),
    [Symbol.dispose]: () => {
      renewal[Symbol.dispose]();
      stdin.destroy();
    },
  };
}

/** One report; nothing of a line that was cut short, as by SIGKILL. */
function read(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The live children with this mark; the fingerprint of what `endHeld` undoes. */
export function findHeld(role: string, token: string): readonly ProcessIdentity[] {
  return findByArgument(markOf(role, token)).map(({ pid, started }) => ({ pid, started }));
}

/**
 * Ends every child with this mark and waits until the system has taken back what it held. Idempotent.
 * @throws FirebreakError `residue` when one is still there after 8 s.
 */
export async function endHeld(role: string, token: string, clock: Clock): Promise<void> {
  const found = findHeld(role, token);
  for (const identity of found) signal(identity, 'kill');
  const end = clock.now() + END_WITHIN_MS;
  while (found.some((identity) => stateOf(identity) !== 'dead')) {
    if (clock.now() > end) {
      throw new FirebreakError('residue', `process ${found.map(({ pid }) => pid).join(', ')} does not end`, {
        hint: 'it may be waiting for a disk; look at its state with ps',
      });
    }
    await clock.sleep(5);
  }
}
