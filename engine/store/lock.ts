import { readFileSync, renameSync, writeFileSync } from 'node:fs';
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
  try {
    const database = openDatabase(path, { busy: wait });
    try {
      database.exec('BEGIN EXCLUSIVE');
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
  const lock = holdLock(lockFile(stateDir));
  if (lock === undefined) {
    const other = readHolderFile(stateDir);
    const who = other === null ? 'another process' : `"${other.name}" (run ${other.run}, process ${other.pid})`;
    throw new FirebreakError('experiment-running', `an experiment is already running here: ${who}`, {
      hint: 'Wait until it ends, or stop it with `firebreak halt`. One experiment runs at a time.',
      exitCode: EXIT.usage,
    });
  }
  const temporary = `${holderFile(stateDir)}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(holder), { mode: 0o600 });
  renameSync(temporary, holderFile(stateDir));
  return lock;
}

/** Who holds the experiment slot now; null when nobody does. */
export function readExperimentHolder(stateDir: string): ExperimentHolder | null {
  const lock = holdLock(lockFile(stateDir), 0);
  if (lock === undefined) return readHolderFile(stateDir);
  lock[Symbol.dispose]();
  return null;
}

function readHolderFile(stateDir: string): ExperimentHolder | null {
  try {
    return experimentHolder.parse(JSON.parse(readFileSync(holderFile(stateDir), 'utf8')));
  } catch {
    return null;
  }
}
