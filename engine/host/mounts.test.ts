import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noDisk, testDisk } from '../faults/disk/test-disk.ts';
import { blockDevice, entryIn, folderAt, isStill } from './disk-place.ts';
import { countInodes, deviceName, diskOf, giveBack, sizeMB, spaceOf, systemDisks, takeInodes, takeSpace } from './disk-space.ts';
import { mountAt, mountOf, parseMounts, withoutWriting } from './mounts.ts';

const never = new AbortController().signal;
const MOUNTS = parseMounts(`22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
65 22 7:0 / /srv/my\\040data rw,nosuid - ext4 /dev/loop0 rw
66 22 8:1 /deep /srv/my\\040data rw,noatime shared:1 master:2 - ext4 /dev/sda1 rw
not a mount`);

test('mounts are read as the kernel writes them, and the one on top counts', () => {
  assert.deepEqual(MOUNTS.map(({ device, root, point, options, type, source }) => [device, root, point, options, type, source]), [
    ['254:0', '/', '/', 'rw,relatime', 'ext4', '/dev/vda'],
    ['7:0', '/', '/srv/my data', 'rw,nosuid', 'ext4', '/dev/loop0'],
    ['8:1', '/deep', '/srv/my data', 'rw,noatime', 'ext4', '/dev/sda1'],
  ]);
  assert.equal(mountAt('/srv/my data', MOUNTS)?.device, '8:1');
  assert.equal(mountAt('/srv', MOUNTS), undefined);
  assert.equal(mountOf('/tmp', MOUNTS)?.device, '254:0');
  assert.equal(withoutWriting('rw,nosuid,relatime'), 'ro,nosuid,relatime');
  assert.equal(withoutWriting('nodev,ro'), 'ro,nodev');
});

test('device numbers as makedev(3) packs them', () => {
  assert.equal(deviceName(0x700), '7:0');
  assert.equal(deviceName(0x801), '8:1');
  assert.equal(deviceName(0xfd00 + 0x100000), '253:256');
  assert.equal(deviceName(statSync('/').dev), execFileSync('stat', ['-c', '%Hd:%Ld', '/'], { encoding: 'utf8' }).trim());
});

test('the disks of the system are known, each with a reason', { skip: process.platform !== 'linux' && 'only Linux tells' }, () => {
  const disks = systemDisks();
  assert.equal(disks.get(diskOf('/')), 'the disk of /');
  assert.ok(disks.has(diskOf(process.execPath)));
});

const skip = noDisk();

test('a file system that cannot set blocks aside is written to', { skip }, async () => {
  using disk = testDisk(16, 'noatime', ['-O', '^extent,^64bit']);
  const file = join(disk.path, 'firebreak-test');
  assert.throws(() => execFileSync('fallocate', ['-l', '4096', join(disk.path, 'probe')], { stdio: 'pipe' }), /not supported/);
  rmSync(join(disk.path, 'probe'), { force: true });
  const { bavail } = statfsSync(disk.path);
  const available = spaceOf(disk.path).availableMB;
  await takeSpace(file, 6, 0, never);
  assert.ok(Math.abs(sizeMB(file) - 6) < 0.2, `${sizeMB(file)} MB`);
  await giveBack(file);
  await takeSpace(file, 6, available - 4, never);
  assert.ok(Math.abs(sizeMB(file) - 4) < 0.2, 'what would have gone below the reserve was given back');
  await assert.rejects(takeSpace(join(disk.path, 'another'), 6, 0, AbortSignal.abort(new Error('halted'))), /halted/);
  await giveBack(file);
  await giveBack(join(disk.path, 'another'));
  assert.equal(statfsSync(disk.path).bavail, bavail);
});

test('inodes are taken one by one until told to stop, and only in their own folder', { skip }, async () => {
  using disk = testDisk();
  const folder = join(disk.path, 'firebreak-test');
  assert.equal(await takeInodes(folder, 700, never), 700);
  assert.equal(countInodes(folder), 700);
  await giveBack(folder);
  await assert.rejects(takeInodes(folder, 700, AbortSignal.abort(new Error('halted'))), /halted/);
  await giveBack(folder);
  await giveBack(folder);
  mkdirSync(join(disk.path, 'theirs'));
  writeFileSync(join(disk.path, 'theirs', 'kept'), '');
  symlinkSync(join(disk.path, 'theirs'), folder);
  await giveBack(folder);
  assert.deepEqual(readdirSync(join(disk.path, 'theirs')), ['kept'], 'a link in its place is not followed');
  assert.equal(countInodes(folder), 0);
});

test('what was made in a folder that was moved is found, whatever the folder is called now', { skip }, () => {
  using disk = testDisk();
  const [made, moved] = [join(disk.path, 'made'), join(disk.path, 'theirs\nmoved')];
  for (const path of [made, join(disk.path, 'theirs')]) mkdirSync(path);
  const folder = folderAt(made);
  writeFileSync(join(made, 'firebreak-0'), '');
  renameSync(made, moved);
  assert.equal(entryIn(folder, 'firebreak-0'), join(moved, 'firebreak-0'), 'and never the folder that the first line of its name says');
});

test('a folder is known by its number: another disk in its place is another folder', { skip }, () => {
  using disk = testDisk();
  const folder = folderAt(disk.path);
  assert.ok(isStill(folder));
  assert.match(blockDevice(folder), /^7:\d+$/);
  assert.equal(blockDevice(folder), folder.device);
  writeFileSync(join(disk.path, 'firebreak-0'), '');
  assert.equal(entryIn(folder, 'firebreak-0'), join(disk.path, 'firebreak-0'));
  assert.equal(entryIn(folder, 'firebreak-1'), undefined);
  execFileSync('umount', [disk.path]);
  assert.equal(isStill(folder), false);
  assert.throws(() => entryIn(folder, 'firebreak-0'), /is not mounted/);
  execFileSync('mount', ['-o', 'loop', disk.image, disk.path]);
  assert.equal(readFileSync(join(disk.path, 'firebreak-0'), 'utf8'), '');
  assert.throws(() => blockDevice(folderAt('/proc')), /is on no block device \(proc\)/);
});

test('a disk is known by its top folder, whatever number it has by now, and another disk is not taken for it', { skip }, () => {
  using disk = testDisk();
  using other = testDisk();
  mkdirSync(join(disk.path, 'data'));
  const folder = folderAt(join(disk.path, 'data'));
  writeFileSync(join(folder.path, 'firebreak-0'), '');
  // As after a reboot: the number is that of another disk now.
  const renumbered = { ...folder, device: folderAt(other.path).device };
  assert.equal(entryIn(renumbered, 'firebreak-0'), join(folder.path, 'firebreak-0'));
  assert.equal(entryIn(renumbered, 'firebreak-1'), undefined);
  renameSync(folder.path, join(disk.path, 'moved'));
  assert.equal(entryIn(renumbered, 'firebreak-0'), join(disk.path, 'moved', 'firebreak-0'));
  execFileSync('umount', [disk.path]);
  assert.throws(() => entryIn(renumbered, 'firebreak-0'), /is not mounted/, 'it is not looked for on the other disk');
  execFileSync('mount', ['-o', 'loop', disk.image, disk.path]);
});
