import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type LibraryEntry } from '../contract/room.ts';
import { messageOf } from '../kernel/errors.ts';
import { loadFile } from './load.ts';

export interface Library {
  /** In the order of their file names. */
  readonly entries: readonly LibraryEntry[];
  /** Which files were left out, and why, in sentences for the log. */
  readonly problems: readonly string[];
}

/** Reads the experiments in a folder. A file that cannot be read or is not valid is left out; never throws. */
export async function readLibrary(folder: string): Promise<Library> {
  const entries: LibraryEntry[] = [];
  const problems: string[] = [];
  const leaveOut = (what: string, why: string): void => void problems.push(`The library left out ${what}: ${why}`);
  let names: readonly string[] = [];
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  } catch (error) {
    leaveOut(folder, messageOf(error));
  }
  for (const name of names) {
    try {
      const result = await loadFile(join(folder, name));
      if (result.ok) {
        const { source: text } = result.file;
        entries.push({ id: name.replace(/\.yaml$/, ''), name: result.file.name, about: firstComment(text), text });
      } else {
        const [first] = result.issues;
        leaveOut(name, first === undefined ? 'it is not valid' : `line ${first.line}: ${first.message}`);
      }
    } catch (error) {
      leaveOut(name, messageOf(error));
    }
  }
  return { entries, problems };
}

/** The comment at the beginning of a file, without its marks; '' when it does not begin with one. */
export function firstComment(text: string): string {
  const lines = text.split(/\r?\n/);
  const end = lines.findIndex((line) => !line.startsWith('#'));
  const comment = end === -1 ? lines : lines.slice(0, end);
  return comment.map((line) => line.replace(/^# ?/, '')).join('\n').trim();
}
