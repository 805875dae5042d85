import { errnoOf, FirebreakError } from '../kernel/errors.ts';
import { type ProcessIdentity, stateOf } from './identity.ts';

/** `continue` is the inverse of `stop`; `kill` and `terminate` have none. */
export type SignalName = 'stop' | 'continue' | 'kill' | 'terminate';

const SIGNALS: Readonly<Record<SignalName, NodeJS.Signals>> = {
  stop: 'SIGSTOP',
  continue: 'SIGCONT',
  kill: 'SIGKILL',
  terminate: 'SIGTERM',
};

/**
 * Sends a signal to exactly this process. The start time is compared immediately before, so a pid that is in use again
 * is left alone. Between the comparison and the signal a few microseconds remain in which the process could end and its
 * pid be given away; only a pidfd would close that gap, and Node has none. Kernels hand pids out in turn, so the same
 * number coming back within that time would need some 32,000 new processes.
 * @returns `gone` when the process has ended.
 * @throws FirebreakError `signal-refused` when this user may not signal it.
 */
export function signal(identity: ProcessIdentity, name: SignalName): 'sent' | 'gone' {
  if (stateOf(identity) === 'dead') return 'gone';
  try {
    process.kill(identity.pid, SIGNALS[name]);
    return 'sent';
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return 'gone';
    throw new FirebreakError('signal-refused', `may not ${name} process ${identity.pid}`, {
      hint: 'run as the user who owns the process, or as root',
      cause: error,
    });
  }
}

/** Whether this user may signal the process; asks the kernel without sending anything. False also when it has ended. */
export function maySignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
