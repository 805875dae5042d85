import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { hear, say, toSentinel } from './messages.ts';

/**
 * Runs in a thread of its own, so that it answers while the engine's loop is blocked: sets the HALT word of the wire
 * at once, answers, and leaves word for the engine, who finds it as soon as its loop turns again.
 */
const { address, control } = workerData as { readonly address: string; readonly control: SharedArrayBuffer };
const word = new Int32Array(control);

const server = createServer((socket) => {
  hear(socket, toSentinel, (message) => {
    Atomics.store(word, 0, 1);
    Atomics.notify(word, 0);
    say(socket, { kind: 'halted', pid: process.pid });
    parentPort?.postMessage(message);
  });
});
// What lies here is from an engine of the same pid that died: this process is the only one alive that has it.
if (process.platform !== 'win32') rmSync(address, { force: true });
server.listen(address, () => {
  if (process.platform !== 'win32') chmodSync(address, 0o600);
  parentPort?.postMessage('listening');
});
