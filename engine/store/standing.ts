import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type StandingProbe, standingProbe, type WrittenProbe } from '../contract/room.ts';
import { errnoOf, FirebreakError, messageOf } from '../kernel/errors.ts';
import { ensureStateDir } from './journal.ts';
import { holdLock } from './lock.ts';

/** The standing probes of a state directory, in the order in which they were added. */
export interface StandingFile {
  /** What was kept. Never throws: what cannot be read is left out and told to `notice`; the file is copied aside first. */
  read(): StandingProbe[];
  /** False while nothing was ever kept. */
  readonly exists: boolean;
  /** Replaces all that is kept, whole or not at all; on the disk when it returns. Throws FirebreakError `state-unwritable`. */
  write(probes: readonly WrittenProbe[]): void;
  /**
   * Held by the one engine that runs these probes, until disposed or dead; undefined while another holds it. Throws
   * FirebreakError `state-unwritable`.
   */
  lock(): Disposable | undefined;
}

const FILE = 'standing-probes.json';
const content = z.object({ version: z.literal(1), probes: z.array(z.unknown()) });

/** Touches no file before the first call. `notice` hears, in sentences for the log, what could not be read. */
export function openStandingFile(stateDir: string, notice: (text: string) => void): StandingFile {
  const path = join(stateDir, FILE);
  return {
    get exists() {
      return existsSync(path);
    },
    read: () => {
      const kept = readContent(path);
      const probes = kept.map((item) => standingProbe.safeParse(item));
      const bad = probes.filter(({ success }) => !success).length;
      if (bad > 0) notice(`${bad} of the standing probes in ${path} cannot be read. ${setAside(path)}`);
      return probes.flatMap(({ data }) => data ?? []);
    },
    write: (probes) => {
      try {
        ensureStateDir(stateDir);
        writeWhole(path, JSON.stringify({ version: 1, probes }, null, 2));
      } catch (error) {
        throw new FirebreakError('state-unwritable', `The standing probes cannot be kept in ${path}: ${messageOf(error)}`, {
          hint: 'Free disk space or make the state directory writable; the probes are as they were.',
          cause: error,
        });
      }
    },
    lock: () => {
      ensureStateDir(stateDir);
      return holdLock(join(stateDir, 'standing-probes.lock'), 0);
    },
  };
}

/** One item stands for a file that is no list of probes at all: it is no probe either. */
function readContent(path: string): readonly unknown[] {
  try {
    return content.parse(JSON.parse(readFileSync(path, 'utf8'))).probes;
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? [] : [undefined];
  }
}

/** The next write would destroy what somebody may want to mend. */
function setAside(path: string): string {
  try {
    copyFileSync(path, `${path}.damaged`);
    return `They do not run; the file as it was is ${path}.damaged.`;
  } catch (error) {
    return `They do not run, and the file could not be copied aside: ${messageOf(error)}`;
  }
}

/** A reader, and a machine that loses power, see the old file or the new one. */
function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}`;
  try {
    // The URL or a header of a probe may hold a password.
    const file = openSync(temporary, 'w', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
