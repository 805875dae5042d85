import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunRecord } from '../contract/models.ts';
import { makeDirectory } from '../kernel/directory.ts';
import { errnoOf, FirebreakError, messageOf } from '../kernel/errors.ts';
import { OUTPUTS, reportName } from './document.ts';

/**
 * Writes `firebreak-<run>.pdf`, `.json` and `.md` into `directory`, which is made when it is missing. Each file appears
 * whole or not at all: it is written and synced under another name first, and an older report stays until then.
 * @returns the three paths.
 * Throws FirebreakError `report-not-written` (disk full, no rights, not a directory); nothing of its own is then left.
 */
export async function writeReports(record: RunRecord, directory: string): Promise<string[]> {
  const outputs = await Promise.all(
    Object.values(OUTPUTS).map(
      async ({ extension, write }) => [`${reportName(record.run)}.${extension}`, await write(record)] as const,
    ),
  );
  const written: { temporary: string; path: string }[] = [];
  try {
    makeDirectory(directory);
    for (const [name, content] of outputs) {
      const path = join(directory, name);
      const temporary = join(directory, `.${name}.${randomBytes(6).toString('hex')}.part`);
      written.push({ temporary, path });
      await writeWhole(temporary, content);
    }
    for (const { temporary, path } of written) await rename(temporary, path);
  } catch (error) {
    await Promise.allSettled(written.map(({ temporary }) => rm(temporary, { force: true })));
    throw new FirebreakError(
      'report-not-written',
      `the report could not be written to ${directory}: ${messageOf(error)}`,
      {
        hint: HINTS[errnoOf(error)] ?? 'Check the directory, or choose another.',
        cause: error,
      },
    );
  }
  return written.map(({ path }) => path);
}

const RIGHTS = 'Choose a directory that you may write to; the run itself is kept in the history.';
const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full. Free some space, then write the report again: firebreak report RUN.',
  EDQUOT: 'The disk quota is used up. Free some space, then write the report again: firebreak report RUN.',
  EACCES: RIGHTS,
  EPERM: RIGHTS,
  EROFS: RIGHTS,
  ENOTDIR: 'A part of that path is a file. Choose a directory.',
  EEXIST: 'There is a file of that name. Choose a directory.',
};

async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  await using file = await open(path, 'wx');
  await file.writeFile(content);
  await file.sync();
}
