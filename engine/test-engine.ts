import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine, type Engine } from './index.ts';

/**
 * For the tests: an engine whose disposal also ends its watchdog. That outlives the engine by some seconds, and would
 * write into a state directory that is just being removed.
 */
export async function engineIn(stateDir: string): Promise<Engine> {
  const engine = await createEngine({ stateDir });
  return {
    api: engine.api,
    [Symbol.asyncDispose]: async () => {
      const { watchdog } = await engine.api.queries.status({}, new AbortController().signal);
      await engine[Symbol.asyncDispose]();
      while (watchdog !== null && end(watchdog.pid)) await sleep(20);
    },
  };
}

/** False when there is no such process any more. */
function end(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
