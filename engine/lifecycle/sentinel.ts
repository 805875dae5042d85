import { rmSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { sentinelAddress } from './addresses.ts';
import { toSentinel, type ToSentinel } from './messages.ts';

export interface SentinelOptions {
  readonly stateDir: string;
  /** The wire's control block; word 0 is HALT. */
  readonly control: SharedArrayBuffer;
  /** Called on the engine's own loop, as soon as it turns, with what was asked for. */
  readonly heard: (message: ToSentinel) => void;
}

/**
 * Starts the thread that can halt this engine's wire while the engine's loop is blocked. Resolves when it listens.
 * Throws FirebreakError `sentinel-failed`.
 */
export async function startSentinel({ stateDir, control, heard }: SentinelOptions): Promise<AsyncDisposable> {
  const address = sentinelAddress(stateDir, process.pid);
  const worker = new Worker(new URL('./sentinel-thread.ts', import.meta.url), {
    workerData: { address, control },
    name: 'firebreak-sentinel',
  });
  const up = Promise.withResolvers<void>();
  worker.on('error', (error) => {
    const hint = 'Check that the state directory is writable.';
    up.reject(
      new FirebreakError('sentinel-failed', `the sentinel thread stopped: ${messageOf(error)}`, { hint, cause: error }),
    );
  });
  worker.on('message', (message) => {
    if (message === 'listening') up.resolve();
    else heard(toSentinel.parse(message));
  });
  await up.promise;
  worker.unref();
  return {
    [Symbol.asyncDispose]: async () => {
      await worker.terminate();
      try {
        if (process.platform !== 'win32') rmSync(address, { force: true });
      } catch {
        // The disk may be gone or read-only by now; a socket left behind is known by its silence.
      }
    },
  };
}
