import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DockerLab } from './docker.ts';

/**
 * Loads an image with programs and libraries of this machine, each with what it is linked with: programs under a C library
 * that a library can be put in front of, which busybox is not.
 * @param programs full paths. @returns its name.
 */
export async function loadDynamicImage(lab: DockerLab, ...programs: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-image-'));
  try {
    await promisify(execFile)('sh', ['-c', PACK, 'sh', folder, ...programs]);
    const query = { fromSrc: '-', repo: NAME, tag: '1' };
    await lab.api.act('/images/create', { query, raw: await readFile(join(folder, 'tar')) });
  } finally {
    await rm(folder, { recursive: true });
  }
  return `${NAME}:1`;
}

const NAME = 'firebreak-dynamic';
/** Links are followed, so that every file lies under the name that it is asked for by. */
const PACK = `set -e; folder="$1"; shift; root="$folder/root"; mkdir -p "$root/tmp" "$root/run" "$root/proc" "$root/bin"
for one; do echo "$one"; ldd "$one" | grep -o '/[^ ]*'; done | sort -u | while read -r path; do
  mkdir -p "$root$(dirname "$path")"; cp -L "$path" "$root$path"; done
chmod 1777 "$root/tmp"; tar -C "$root" -cf "$folder/tar" .`;
