import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noDisk, noFileStrikes, testDisk } from '../../engine/faults/disk/test-disk.ts';
import { noWriter, startWriter } from '../../engine/faults/disk/test-writer.ts';
import { startApp } from '../../engine/faults/kernel/test-app.ts';
import { noTracing } from '../../engine/host/call-tracer.ts';
import { again, type Case, type Stage } from './case.ts';

/** A program that does one thing with a file on a disk of its own. */
async function atFile(policy: string, does: string): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const folder = join(stack.use(testDisk()).path, 'data');
  mkdirSync(folder);
  const file = join(folder, 'file');
  writeFileSync(file, 'content');
  const app = stack.use(await startApp());
  stack.use(again(() => app.does(`${does} ${file} 5`)));
  const all = stack.move();
  return { policy: `type: disk, target: ${folder}, ${policy}`, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** A program that appends to a file, in steps that do not fill its disk. */
async function appending(policy: string): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const disk = stack.use(testDisk(64));
  const writer = stack.use(await startWriter(join(disk.path, 'file')));
  stack.use(again(() => writer.writes(20)));
  const all = stack.move();
  return { policy: `type: disk, target: ${disk.path}, action: short-writes, processes: "pid:${writer.pid}", ${policy}`, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

export const FILE_CASES: readonly Case[] = [
  { name: 'disk: writes to files fail, 30 %', skip: noFileStrikes(), stage: () => atFile('action: files, operation: write, error: ENOSPC, probability: 0.3', 'write') },
  { name: 'disk: reads of files 100 ms late', skip: noFileStrikes(), stage: () => atFile('action: files, operation: read, latency: 100ms', 'read') },
  { name: 'disk: writes cut to 30 %', skip: noDisk() || noTracing() || noWriter(), stage: () => appending('part: 0.3') },
];
