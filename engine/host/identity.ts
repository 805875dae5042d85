import { z } from 'zod';
import { isEnded, readProcess } from './processes.ts';

/** Names one process for ever: pids are used again, a pid with its start time is not. */
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

/** The identity of this process. */
export function selfIdentity(): ProcessIdentity {
  return identityOf(process.pid) ?? { pid: process.pid, started: 'unknown' };
}

/** `dead` when it has ended, even if another process has its pid by now. */
export function stateOf(identity: ProcessIdentity): 'self' | 'alive' | 'dead' {
  if (identityOf(identity.pid)?.started !== identity.started) return 'dead';
  return identity.pid === process.pid ? 'self' : 'alive';
}
