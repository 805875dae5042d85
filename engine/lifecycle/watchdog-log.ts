import { appendFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock } from '../kernel/clock.ts';

/** The log keeps one older file of this size, in bytes. */
const MAX_LOG = 1 << 20;

/** Writes lines with the time to `watchdog.log` in the state directory. A log that cannot be written is no reason to stop. */
export function watchdogLog(stateDir: string, clock: Clock): (text: string) => void {
  const path = join(stateDir, 'watchdog.log');
  return (text) => {
    try {
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG) renameSync(path, `${path}.1`);
      appendFileSync(path, `${new Date(clock.wall()).toISOString()} [${process.pid}] ${text}\n`, { mode: 0o600 });
    } catch {
      // The disk may be full: reverting matters more.
    }
  };
}
