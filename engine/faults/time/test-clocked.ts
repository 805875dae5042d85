import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Evaluator, startEvaluator } from '../../../test/support/evaluator.ts';
import { faketimeLibrary } from '../../host/clock-facts.ts';

const LIBRARY = faketimeLibrary() ?? '';
/** Why no program can be started under libfaketime here, or false. */
export const noFaketime: string | false = LIBRARY === '' ? 'faketime is not installed on this machine' : false;

/** A process that says what its own clock says. */
export interface Clocked extends Evaluator {
  readonly folder: string;
  readonly file: string;
  /** Its wall clock less that of this machine, milliseconds. */
  offset(): Promise<number>;
}

/** @param env added to what makes its clock one that can be set off. */
export async function startClocked(env: Readonly<Record<string, string>> = {}, place: { readonly through?: readonly string[] } = {}): Promise<Clocked> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-clock-'));
  const word = `clocked-${folder.slice(-6)}`;
  const file = join(folder, 'clock');
  const process = await startEvaluator(word, {
    ...place,
    env: { LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', ...env },
  });
  return {
    ...process,
    folder,
    file,
    offset: async () => Number(await process.evaluate('Date.now()')) - Date.now(),
    [Symbol.asyncDispose]: async () => {
      await process[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
