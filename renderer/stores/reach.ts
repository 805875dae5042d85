import { type EngineClient } from '../../engine/contract/client.ts';
import { engine, useConnection } from './connection.ts';

/** The client as soon as there is one; rejects as `engine()` does when none has come within `ms`, or this page is not let in. */
export async function reachEngine(ms: number): Promise<EngineClient> {
  const settled = (): boolean => {
    const { client, state } = useConnection.getState();
    return client !== null || state === 'refused';
  };
  if (!settled()) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const leave = useConnection.subscribe(() => settled() && resolve());
    await promise;
    leave();
    clearTimeout(timer);
  }
  return engine();
}
