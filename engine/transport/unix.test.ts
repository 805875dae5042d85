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
