import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noDisk, testDisk } from '../../engine/faults/disk/test-disk.ts';
import { noWriter, startWriter } from '../../engine/faults/disk/test-writer.ts';
import { startApp } from '../../engine/faults/kernel/test-app.ts';
import { tracerOf } from '../../engine/host/call-errors.ts';
import { noTracing } from '../../engine/host/call-tracer.ts';
import { again } from './again.ts';
import { type Scene } from './scenes.ts';

/** Why writes cannot be cut short here, or false. */
export const noShortWrites = (): string | false => noDisk() || noTracing() || noWriter();

/** A program that writes to one file again and again, and one that has another open already. */
export async function brokenFilesScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const disk = stack.use(testDisk());
  const folder = join(disk.path, 'data');
  mkdirSync(folder);
  const [file, open] = [join(folder, 'file'), join(folder, 'open')];
  for (const path of [file, open]) writeFileSync(path, 'content');
  const [app, holder] = [stack.use(await startApp()), stack.use(await startApp())];
  await holder.does(`keep ${open}`);
  const [writing, held] = [stack.use(again(async () => (await app.does(`write ${file}`))[0])), stack.use(again(async () => (await holder.does('write kept'))[0]))];
  const moved = stack.move();
  return {
    text: `version: 1\npolicies:\n  - { name: broken, type: disk, target: ${folder}, action: files, operation: write, error: ENOSPC }`,
    note: () => {},
    visible: async () => writing.said() === 'ENOSPC' && held.said() === 'ENOSPC',
    intact: async () => writing.said() === 'ok' && held.said() === 'ok' && tracerOf(holder.pid) === 0,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** A program whose writes are cut short; the file holds what it was told. */
export async function shortWritesScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const disk = stack.use(testDisk());
  const file = join(disk.path, 'file');
  const writer = stack.use(await startWriter(file));
  let told = 0;
  let honest = true;
  const writing = stack.use(again(async () => {
    const [taken = 0] = await writer.writes(1);
    told += taken;
    honest &&= statSync(file).size === told;
    return taken;
  }));
  const moved = stack.move();
  return {
    text: `version: 1\npolicies:\n  - { name: short, type: disk, target: ${disk.path}, action: short-writes, processes: "pid:${writer.pid}" }`,
    note: () => {},
    visible: async () => writing.said() === 500,
    intact: async () => writing.said() === 1_000 && honest && tracerOf(writer.pid) === 0,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
