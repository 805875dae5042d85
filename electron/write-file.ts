import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises';

/**
 * Writes a file whole or not at all: a full disk, a crash or a power cut leaves what was there. A link is followed, and
 * the mode of what was there is kept. Throws the system's own error.
 */
export async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const before = await stat(target).catch(() => undefined);
  const beside = `${target}.${process.pid}.saving`;
  try {
    await writeFile(beside, content, { mode: before === undefined ? 0o666 : before.mode & 0o777, flush: true });
    await rename(beside, target);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
