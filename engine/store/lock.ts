import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { openDatabase, SQLITE, sqliteCode } from './database.ts';

/** Who runs the experiment of a state directory. */
export const experimentHolder = z.object({ run: z.string(), name: z.string(), pid: z.int() });
export type ExperimentHolder = z.infer<typeof experimentHolder>;

/**
 * Holds a lock file until disposed or until the process dies, however it dies: the kernel drops the lock, so a crash
 * leaves nothing to clean up. `wait` is in milliseconds and blocks.
 * @returns undefined when another holds it. Throws FirebreakError `state-unwritable`.
 */
export function holdLock(path: string, wait = 200): Disposable | undefined {
  return lock(path, wait, 'BEGIN EXCLUSIVE');
}

/** Takes no lock from anybody but a holder: two that look at once do not see each other. */
function isHeld(path: string): boolean {
  // Nobody has ever held it, and who looks must not have to make it: the disk may be read-only.
  if (!existsSync(path)) return false;
  const look = lock(path, 0, 'BEGIN; SELECT count(*) FROM sqlite_schema');
  look?.[Symbol.dispose]();
  return look === undefined;
}

function lock(path: string, wait: number, begin: string): Disposable | undefined {
  try {
    const database = openDatabase(path, { busy: wait });
    try {
      database.exec(begin);
    } catch (error) {
      database.close();
      throw error;
    }
    return { [Symbol.dispose]: () => void (database.isOpen && database.close()) };
  } catch (error) {
    const code = sqliteCode(error);
    if (code === SQLITE.busy || code === SQLITE.locked) return undefined;
    throw new FirebreakError('state-unwritable', `cannot lock ${path}: ${messageOf(error)}`, {
      hint: 'Check that the state directory is writable and its disk is not full; a damaged .lock file may be deleted.',
      cause: error,
    });
  }
}

const lockFile = (stateDir: string): string => join(stateDir, 'experiment.lock');
const holderFile = (stateDir: string): string => join(stateDir, 'experiment.json');

/**
 * Takes the one experiment slot of a state directory, for all processes that share it.
 * Throws FirebreakError `experiment-running`, naming the holder.
 */
export function acquireExperimentLock(stateDir: string, holder: ExperimentHolder): Disposable {
  const held = holdLock(lockFile(stateDir));
  if (held === undefined) {
    const other = readHolderFile(stateDir);
    const who = other === null ? 'another process' : `"${other.name}" (run ${other.run}, process ${other.pid})`;
    throw new FirebreakError('experiment-running', `an experiment is already running here: ${who}`, {
      hint: 'Wait until it ends, or stop it with `firebreak halt`. One experiment runs at a time.',
      exitCode: EXIT.usage,
    });
  }
  try {
    const temporary = `${holderFile(stateDir)}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify(holder), { mode: 0o600 });
    renameSync(temporary, holderFile(stateDir));
    return held;
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

/** Who holds the experiment slot now; null when nobody does. */
export function readExperimentHolder(stateDir: string): ExperimentHolder | null {
  return isHeld(lockFile(stateDir)) ? readHolderFile(stateDir) : null;
}

function readHolderFile(stateDir: string): ExperimentHolder | null {
  try {
    return experimentHolder.parse(JSON.parse(readFileSync(holderFile(stateDir), 'utf8')));
  } catch {
    return null;
  }
}
