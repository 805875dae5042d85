import { appendFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/errors.ts';
import { openJournal } from '../store/journal.ts';
import { rescueTools } from './halt.ts';
import { type Workshop } from './models.ts';
import { runWatchdog, type WatchdogOptions } from './watchdog.ts';

/** The log keeps one older file of this size, in bytes. */
const MAX_LOG = 1 << 20;

export type WatchdogParts = Pick<Workshop, 'injectors' | 'clock' | 'identity'> &
  Pick<WatchdogOptions, 'stateDir' | 'openBypass' | 'idle'>;

/**
 * The whole life of the watchdog's process: opens the journal, watches, ends when nothing is left to watch, or at once
 * when another watchdog is there already. The injectors must be able to undo without an engine.
 */
export async function serveWatchdog(parts: WatchdogParts): Promise<void> {
  const log = watchdogLog(parts.stateDir, parts.clock);
  // It outlives the terminal it was started from, and one bug must not end the others' safety.
  for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => log(`ignored ${signal}`));
  process.on('uncaughtException', (error) => log(`uncaught: ${messageOf(error)}`));
  try {
    using journal = openJournal(parts.stateDir, parts.clock);
    for (const { where, what } of journal.damage()) log(`undo journal: ${where}: ${what}`);
    const watchdog = await runWatchdog({ ...parts, ...rescueTools({ ...parts, journal }), log });
    await watchdog?.ended;
  } catch (error) {
    log(`cannot watch: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}

/**
 * Writes lines with the time to `watchdog.log` in the state directory. A log that cannot be written is no reason to
 * stop.
 */
function watchdogLog(stateDir: string, clock: Clock): (text: string) => void {
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
