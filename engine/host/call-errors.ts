import { readFileSync } from 'node:fs';
import { type Clock } from '../kernel/clock.ts';
import { type Strike } from './bpf-program.ts';
import { noPtrace } from './call-tracer.ts';
import { programOf } from './server-process.ts';
import { endHeld, findHeld, type Held, startHeld } from './held.ts';
import { type ProcessIdentity, stateOf } from './identity.ts';
import { signal } from './signals.ts';
import { markOf } from './spawn.ts';

/** Errors in calls to the kernel: by BPF at the sockets of control groups, by strace at any call of single processes. */

/** What the child processes are found by; see `endHeld`. */
export const BPF_ROLE = 'bpf';
export const TRACE_ROLE = 'trace';
export const STRACE_ROLE = 'strace';

interface Holding {
  readonly token: string;
  /** The child ends by itself after this time, in milliseconds. */
  readonly hold: number;
}

/** Attaches strikes to control groups (v2). Reports `problem`, or `ready`, then `matched` and `struck`. Inverse: `endHeld(BPF_ROLE, token)`. */
export function startStrikes(asked: Holding & { readonly strikes: readonly Strike[]; readonly groups: readonly string[] }, clock: Clock): Held {
  const { token, hold, strikes, groups } = asked;
  return startHeld({ script: 'bpf-holder', role: BPF_ROLE, token, args: [`--strikes=${JSON.stringify(strikes)}`, `--groups=${JSON.stringify(groups)}`, `--hold=${hold}`] }, clock);
}

/** What strace does to calls. */
export interface CallStrike {
  /** System calls by name. */
  readonly calls: readonly string[];
  /** By name, such as `EIO`; '' = the calls are only delayed. */
  readonly errno: string;
  /** Milliseconds before each call that is struck; 0 = none. */
  readonly delay: number;
  /** Every nth call of each thread. */
  readonly every: number;
  /** Only calls on this file; '' = all. */
  readonly path: string;
}

/** The arguments of strace(1), but for whom it is to trace. */
function straceArguments({ calls, errno, delay, every, path }: CallStrike): readonly string[] {
  const set = calls.join(',');
  const what = [...(errno === '' ? [] : [`error=${errno}`]), ...(delay === 0 ? [] : [`delay_enter=${delay * 1_000}`]), ...(every > 1 ? [`when=${every}+${every}`] : [])];
  return ['-f', '-s', '0', '-e', 'signal=none', ...(path === '' ? [] : ['-P', path]), '-e', `trace=${set}`, '-e', `inject=${set}:${what.join(':')}`];
}

/** Traces processes and strikes their calls. Reports like `startStrikes`. Inverse: `endTrace`. */
export function startTrace(asked: Holding & { readonly targets: readonly ProcessIdentity[]; readonly strike: CallStrike }, clock: Clock): Held {
  const { token, hold, strike } = asked;
  const targets = asked.targets.map(({ pid, started }) => ({ pid, started }));
  const mark = markOf(STRACE_ROLE, token);
  return startHeld({ script: 'trace-holder', role: TRACE_ROLE, token, args: [`--trace=${JSON.stringify(straceArguments(strike))}`, `--targets=${JSON.stringify(targets)}`, `--mark=${mark}`, `--hold=${hold}`] }, clock);
}

/** How long strace may take to let go of all threads, in milliseconds. */
const LET_GO = 5_000;

/** Ends what traces under a token: asks strace first, so that it lets go between two calls. @throws FirebreakError `residue` */
export async function endTrace(token: string, clock: Clock): Promise<void> {
  const asked = findHeld(STRACE_ROLE, token);
  for (const one of asked) signal(one, 'terminate');
  for (const end = clock.now() + LET_GO; asked.some((one) => stateOf(one) !== 'dead') && clock.now() < end; ) await clock.sleep(5);
  for (const role of [TRACE_ROLE, STRACE_ROLE]) await endHeld(role, token, clock);
}

/** Why processes cannot be traced by strace here, or ''. */
export function noTrace(): string {
  return process.platform === 'linux' && programOf('strace') === undefined ? 'strace is not installed (apt-get install strace)' : noPtrace();
}

/** The process that traces this one already; 0 = none. Only one may. */
export function tracerOf(pid: number): number {
  try {
    return Number(/^TracerPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
