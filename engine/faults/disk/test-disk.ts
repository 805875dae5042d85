import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileMeans, noFanotify } from '../../host/fanotify.ts';

/** A small real disk for the tests of this folder: a file with ext4 in it, mounted by loop device. Gone when disposed. */
export interface TestDisk extends Disposable {
  /** Where it is mounted. */
  readonly path: string;
  /** The file that it is in. */
  readonly image: string;
  readonly folder: string;
}

/** Why no such disk can be had here, or false. */
export function noDisk(): string | false {
  try {
    testDisk()[Symbol.dispose]();
    return false;
  } catch (error) {
    return `no disk can be mounted (root and a loop device are needed): ${error instanceof Error ? error.message.split('\n')[0] : ''}`;
  }
}

/** Why calls on the files of such a disk cannot be struck here, or false. */
export function noFileStrikes(): string | false {
  const without = noDisk() || noFanotify();
  if (without) return without;
  using disk = testDisk();
  const { errors, writes } = fileMeans(disk.path);
  return errors && writes ? false : 'this kernel asks of opens and reads alone, or knows no error but EPERM';
}

/** @param mb its size; 4096 inodes with 16 MB. @param made further arguments of mkfs.ext4. */
export function testDisk(mb = 16, options = 'nosuid,noatime', made: readonly string[] = []): TestDisk {
  const folder = mkdtempSync(join(tmpdir(), 'disk-test-'));
  const [path, image] = [join(folder, 'mnt'), join(folder, 'disk.img')];
  try {
    mkdirSync(path);
    writeFileSync(image, '');
    truncateSync(image, mb * 1_048_576);
    execFileSync('mkfs.ext4', ['-q', ...made, image], { stdio: 'pipe' });
    execFileSync('mount', ['-o', `loop,${options}`, image, path], { stdio: 'pipe' });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    path,
    image,
    folder,
    [Symbol.dispose]: () => {
      // Lazily: a process of a test that is just ending may still be in it.
      execFileSync('umount', ['-l', path], { stdio: 'pipe' });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
