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
  /** Called when the thread stops although nobody asked it to: HALT then waits for the engine's loop. */
  readonly died?: (why: string) => void;
}

/**
 * Starts the thread that can halt this engine's wire while the engine's loop is blocked. Resolves when it listens.
 * Throws FirebreakError `sentinel-failed`.
 */
export async function startSentinel({ stateDir, control, heard, died }: SentinelOptions): Promise<AsyncDisposable> {
  const address = sentinelAddress(stateDir, process.pid);
  const worker = new Worker(new URL('./sentinel-thread.ts', import.meta.url), {
    workerData: { address, control },
    name: 'firebreak-sentinel',
  });
  const up = Promise.withResolvers<void>();
  let state: 'starting' | 'up' | 'over' = 'starting';
  const stopped = (why: string, cause?: unknown): void => {
    if (state === 'up') died?.(why);
    state = 'over';
    const hint = 'Check that the state directory is writable.';
    up.reject(new FirebreakError('sentinel-failed', `the sentinel thread stopped: ${why}`, { hint, cause }));
  };
  worker.on('error', (error) => stopped(messageOf(error), error));
  worker.on('exit', (code) => stopped(`it ended with code ${code}`));
  worker.on('message', (message) => {
    if (message === 'listening') up.resolve();
    else heard(toSentinel.parse(message));
  });
  await up.promise;
  state = 'up';
  worker.unref();
  return {
    [Symbol.asyncDispose]: async () => {
      state = 'over';
      await worker.terminate();
      try {
        if (process.platform !== 'win32') rmSync(address, { force: true });
      } catch {
        // The disk may be gone or read-only by now; a socket left behind is known by its silence.
      }
    },
  };
}
