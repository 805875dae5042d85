import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../kernel/clock.ts';
import { watchdogAddress } from './addresses.ts';
import { createLease } from './lease.ts';
import { hear, say, toWatchdog } from './messages.ts';
import { temporary } from './test-parts.ts';

const LIMIT = { timeout: 300_000 };

test('an engine that closes while it calls the watchdog says goodbye, and leaves no line open', LIMIT, async () => {
  using dir = temporary();
  const stateDir = join(dir.path, 'state');
  mkdirSync(stateDir);
  const heard: string[] = [];
  const greeted = Promise.withResolvers<Socket>();
  const gone = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on('close', () => gone.resolve());
    hear(socket, toWatchdog, (message) => {
      heard.push(message.kind);
      if (message.kind === 'hello') greeted.resolve(socket);
      if (message.kind === 'bye') socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(watchdogAddress(stateDir), resolve));
  const lost: string[] = [];
  const lease = createLease({
    stateDir, self: { pid: process.pid, started: 'test' }, clock: realClock, spawnWatchdog: () => ({}),
    lost: (why) => lost.push(why),
  });
  const ready = lease.ready().catch(() => {});
  const socket = await greeted.promise;
  const closing = lease[Symbol.asyncDispose]();
  say(socket, { kind: 'ready', pid: 1 });
  await Promise.all([closing, ready, gone.promise]);
  // Without a goodbye the watchdog would take the engine for dead, and its routes over.
  assert.deepEqual([heard, lost, lease.until()], [['hello', 'bye'], [], null]);
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
