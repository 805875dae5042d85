import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Capability } from '../contract/models.ts';
import { errnoOf, messageOf } from '../kernel/errors.ts';
import { capture } from './spawn.ts';

/** Whether clocks can be set off here: a program is started under libfaketime, a day ahead by its file, and asked. */
export function clockFacts(): Capability {
  const name = 'set off the clock of processes';
  const cannot = (detail: string): Capability => ({ name, available: false, detail });
  if (process.platform !== 'linux') return cannot('clocks are set off through libfaketime and /proc, on Linux only');
  try {
    const library = faketimeLibrary();
    if (library === undefined) return cannot('there is no libfaketime (apt install faketime)');
    const off = dayAheadBy(library);
    return Math.abs(off - DAY_SECONDS) < TOLERANCE_SECONDS
      ? { name, available: true, detail: `those that are started under ${library} with a FAKETIME_TIMESTAMP_FILE` }
      : cannot(`a program under ${library} that was to be a day ahead was ${Math.round(off)} s ahead`);
  } catch (error) {
    return cannot(`a program cannot be started under libfaketime (${messageOf(error)})`);
  }
}

const DAY_SECONDS = 86_400;
const TOLERANCE_SECONDS = 60;

/** It takes the memory named after its pid, which a process that was killed leaves behind: the next pid has another chance. */
const ATTEMPTS = 3;

/** The library that the command `faketime` uses; undefined when that is not installed. */
export function faketimeLibrary(attempts = ATTEMPTS): string | undefined {
  try {
    const said = execFileSync('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8', timeout: 5_000, stdio: ['ignore', 'pipe', 'ignore'] });
    return said.trim().split(/[ :]+/).find((path) => path.includes('libfaketime'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (attempts > 1) return faketimeLibrary(attempts - 1);
    throw error;
  }
}

function dayAheadBy(library: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-clock-'));
  try {
    const file = join(folder, 'clock');
    writeFileSync(file, `+${DAY_SECONDS}\n`);
    return Number(capture('env', [`LD_PRELOAD=${library}`, `FAKETIME_TIMESTAMP_FILE=${file}`, 'date', '+%s'])) - Date.now() / 1_000;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
