import { z } from 'zod';
import { bootId, isEnded, readProcess } from './processes.ts';

/**
 * Names one process for ever: pids are used again, a pid with its start time is not. (The kernel tells that in hundredths of a
 * second; to be given a pid again within one, all others must have been given meanwhile.)
 */
export const processIdentity = z.object({ pid: z.int().positive(), started: z.string().min(1) });
export type ProcessIdentity = z.infer<typeof processIdentity>;

/**
 * The identity of whatever has this pid now; undefined when nothing has. The start time is in clock ticks since boot
 * with the boot id (Linux, proc_pid_stat(5) field 22), or `ps -o lstart` in seconds (macOS).
 */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const info = readProcess(pid);
  return info === undefined || isEnded(info) ? undefined : { pid, started: info.started };
}

/** Whether it was told in the boot that runs now; what control groups and processes were before that is gone in any case. */
export const ofThisBoot = ({ started }: ProcessIdentity): boolean => process.platform !== 'linux' || started.startsWith(`${bootId()}:`);

/** The identity of this process. */
export function selfIdentity(): ProcessIdentity {
  return identityOf(process.pid) ?? { pid: process.pid, started: 'unknown' };
}

/** Which of these have ended, as one says it: `4711 (sh) has ended`; '' when none has. */
export function endedInWords(ones: readonly (ProcessIdentity & { readonly name: string })[]): string {
  const ended = [...new Set(ones.filter((one) => stateOf(one) === 'dead').map(({ pid, name }) => `${pid} (${name})`))];
  return ended.length === 0 ? '' : `${ended.join(', ')} ${ended.length === 1 ? 'has' : 'have'} ended`;
}

/** `dead` when it has ended, even if another process has its pid by now. */
export function stateOf(identity: ProcessIdentity): 'self' | 'alive' | 'dead' {
  if (identityOf(identity.pid)?.started !== identity.started) return 'dead';
  return identity.pid === process.pid ? 'self' : 'alive';
}
