import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Port } from '../contract/envelope.ts';
import { listenUnix, MAX_UNIX_CHARS } from './unix.ts';

test('a reader that does not read is cut off rather than let grow, and nobody else may connect', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-unix-'));
  const path = join(folder, 'x.sock');
  const { promise: accepted, resolve } = Promise.withResolvers<Port>();
  await using server = await listenUnix({ path, onPort: resolve });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const reader = connect(path).pause();
  reader.on('error', () => {});
  await once(reader, 'connect');
  const port = await accepted;
  let why = '';
  port.onClose((reason) => (why = reason));
  const text = 'x'.repeat(1 << 20);
  for (let sent = 0; why === '' && sent < 64; sent++) port.send(text);
  assert.equal(why, 'the other end does not read');
  reader.destroy();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test('whoever sends a line that is too long is cut off, and nothing of it is kept', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-unix-'));
  const path = join(folder, 'x.sock');
  const { promise: accepted, resolve } = Promise.withResolvers<Port>();
  await using server = await listenUnix({ path, onPort: resolve });
  // It neither hears of the end nor ends itself.
  const sender = connect({ path, allowHalfOpen: true }).pause();
  const gone = new Promise<void>((end) => void sender.on('error', () => end()).once('close', () => end()));
  let why = '';
  (await accepted).onClose((reason) => (why = reason));
  const piece = Buffer.alloc(MAX_UNIX_CHARS, 'x');
  for (let sent = 0; sent < 64 && !sender.destroyed; sent++) {
    await Promise.race([gone, new Promise<void>((next) => void sender.write(piece, () => next()))]);
  }
  assert.equal(why, 'a message is too long');
  assert.ok(sender.destroyed, 'it could go on sending for ever');
  sender.destroy();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test('whoever the kernel says is another user gets no line, even where the file lets him in', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-unix-'));
  const path = join(folder, 'x.sock');
  const me = process.getuid?.() ?? 0;
  const peers = [{ pid: 11, uid: me + 1 }, { pid: 12, uid: me }, { pid: 13, uid: 0 }, undefined];
  const admitted: (number | undefined)[] = [];
  const asked: number[] = [];
  const peerOf = (fd: number): (typeof peers)[number] => (asked.push(fd), peers[asked.length - 1]);
  await using server = await listenUnix({ path, uid: me, peerOf, onPort: (port, peer) => void (admitted.push(peer?.pid), port.close('seen')) });
  for (const _ of peers) {
    const one = connect(path).resume();
    await once(one, 'close');
  }
  assert.deepEqual(admitted, [12, 13, undefined]);
  assert.ok(asked.every((fd) => fd > 2), `descriptors: ${asked.join()}`);
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});
