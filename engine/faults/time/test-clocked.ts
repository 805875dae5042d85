import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { capture, spawnNode } from '../../host/spawn.ts';

/** The library of Debian's package `libfaketime`, by the command that starts programs under it; why it is not here, or false. */
export const LIBRARY = libraryPath();
export const noFaketime: string | false = LIBRARY === '' ? 'faketime is not installed on this machine' : false;

function libraryPath(): string {
  try {
    return capture('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD']).trim().split(/[ :]+/).find((path) => path.includes('libfaketime')) ?? '';
  } catch {
    return '';
  }
}

/** A process that says what its own clock says. */
export interface Clocked extends AsyncDisposable {
  readonly pid: number;
  /** In its command line and in no other. */
  readonly word: string;
  readonly folder: string;
  readonly file: string;
  /** Its wall clock less that of this machine, milliseconds. */
  offset(): Promise<number>;
  /** Runs a line of script within it and returns what came out. */
  evaluate(script: string): Promise<string>;
}

/** @param env added to what makes its clock one that can be set off. */
export async function startClocked(env: Readonly<Record<string, string>> = {}, folder = mkdtempSync(join(tmpdir(), 'firebreak-clock-'))): Promise<Clocked> {
  const word = `clocked-${folder.slice(-6)}`;
  const file = join(folder, 'clock');
  const script = join(import.meta.dirname, 'test-clocked-child.ts');
  const child = spawnNode(script, [word], {
    role: 'clocked', target: true, stdio: ['pipe', 'pipe', 'inherit'],
    env: { LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', ...env },
  });
  const waiting: ((line: string) => void)[] = [];
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  const evaluate = (code: string): Promise<string> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      child.stdin?.write(`${JSON.stringify(code)}\n`);
    });
  await evaluate('0');
  return {
    pid: child.pid ?? 0,
    word,
    folder,
    file,
    evaluate,
    offset: async () => Number(await evaluate('Date.now()')) - Date.now(),
    [Symbol.asyncDispose]: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
