import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noDisk, testDisk } from '../../engine/faults/disk/test-disk.ts';
import { restoreClockFile, readClockFile, writeOffset } from '../../engine/host/clock-file.ts';
import { giveBack, takeInodes, takeSpace } from '../../engine/host/disk-space.ts';
import { readConf, restoreConf, writeConf } from '../../engine/host/resolv-conf.ts';

const never = new AbortController().signal;

test('what was put back is on the disk by then: a power cut right after it brings nothing back', { skip: noDisk() }, async () => {
  // Nothing but what is asked for reaches the disk.
  using disk = testDisk(16, 'commit=3600');
  const at = (name: string): string => join(disk.path, name);
  for (const name of ['full', 'inodes', 'made', 'theirs']) mkdirSync(at(name));
  writeFileSync(at('theirs/file'), '');
  writeFileSync(at('clock'), '+90\n');
  writeFileSync(at('resolv.conf'), 'nameserver 10.99.0.53\noptions ndots:2\n');
  const [clock, conf, token] = [readClockFile(at('clock')), readConf(at('resolv.conf')), '0123456789abcdef01'];
  await takeSpace(at('full/firebreak-file'), 2, 1, never);
  await takeInodes(at('inodes/firebreak-files'), 50, never);
  for (const name of ['clock', 'made/clock']) writeOffset(at(name), token, 3_600_000, { uid: 0, gid: 0, mode: 0o644 });
  writeConf(conf, token, '127.0.0.9');
  execFileSync('sync', ['-f', disk.path]);
  assert.match(afterTheCut(disk.image, 'cat /clock', 'cat /made/clock', 'cat /resolv.conf', 'ls -p /full', 'ls -p /inodes').replaceAll('\n', ' '), /3600.*3600.*127\.0\.0\.9.*firebreak-file.*firebreak-files/);

  rmSync(at('theirs/file'));
  assert.match(afterTheCut(disk.image, 'ls -p /theirs'), /\/file\//, 'what nobody made sure of comes back: this disk can tell');
  const steps: readonly (readonly [how: string, undo: () => unknown, look: string, left: RegExp])[] = [
    ['space', () => giveBack(at('full/firebreak-file')), 'ls -p /full', /firebreak/],
    ['inodes', () => giveBack(at('inodes/firebreak-files')), 'ls -p /inodes', /firebreak/],
    ['a clock file', () => restoreClockFile(at('clock'), token, clock), 'cat /clock', /firebreak/],
    ['a clock file that was not there', () => restoreClockFile(at('made/clock'), token, null), 'ls -p /made', /clock/],
    ['resolv.conf', () => restoreConf(conf, token), 'cat /resolv.conf', /firebreak/],
  ];
  for (const [how, undo, request, left] of steps) {
    await undo();
    assert.doesNotMatch(afterTheCut(disk.image, request), left, how);
  }
  assert.equal(afterTheCut(disk.image, 'cat /clock', 'cat /resolv.conf'), '+90\nnameserver 10.99.0.53\noptions ndots:2\n');
});

/** What the disk holds, as the next boot finds it once it has done what its own journal says. */
function afterTheCut(image: string, ...requests: readonly string[]): string {
  const copy = `${image}.cut`;
  // 1: it has mended something, which is what it is for here.
  execFileSync('sh', ['-c', 'cp --sparse=always "$1" "$2" && { e2fsck -fy "$2" >"$2.log" 2>&1; [ $? -le 1 ]; }', 'sh', image, copy]);
  return requests.map((request) => execFileSync('debugfs', ['-R', request, copy], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })).join('');
}
