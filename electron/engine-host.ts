import { api } from '../engine/contract/api.ts';
import { type EngineClient, createClient } from '../engine/contract/client.ts';
import { type Port } from '../engine/contract/envelope.ts';
import { type EngineEvent, type EngineStatus } from '../engine/contract/models.ts';
import { FirebreakError } from '../engine/kernel/errors.ts';
import { type EngineApi } from '../engine/contract/api.ts';
import { serve } from '../engine/transport/dispatch.ts';
import { memoryPair } from '../engine/transport/memory.ts';

/** Fault states in which something is done to the world, or about to be. */
const UNDER_WAY: ReadonlySet<string> = new Set(['planned', 'injecting', 'active', 'reverting']);

/** What would be lost by leaving now. */
export interface UnderWay {
  /** Faults of this engine that are not closed. */
  readonly faults: number;
  /** Those that were reverted and are not proven clean: they may still be there. */
  readonly unconfirmed: number;
  /** The name of this engine's experiment; '' when none runs. */
  readonly experiment: string;
}

/** The same in a sentence; '' when nothing is under way. */
export function underWayText({ faults, unconfirmed, experiment }: UnderWay): string {
  const words = [
    ...(experiment === '' ? [] : [`The experiment ${experiment} is running`]),
    ...(faults === 0 ? [] : [`${faults} ${faults === 1 ? 'fault is' : 'faults are'} active`]),
    ...(unconfirmed === 0 ? [] : [`${unconfirmed} ${unconfirmed === 1 ? 'fault is' : 'faults are'} not proven clean`]),
  ];
  return words.length === 0 ? '' : `${words.join('; ')}.`;
}

/** The engine in this process. The host itself speaks to it through the contract, as the page does. */
export class EngineHost implements AsyncDisposable {
  readonly client: EngineClient;
  readonly #api: EngineApi;
  readonly #end: AsyncDisposableStack;

  private constructor(engineApi: EngineApi, client: EngineClient, end: AsyncDisposableStack) {
    this.#api = engineApi;
    this.client = client;
    this.#end = end;
  }

  /**
   * Starts an engine over a state directory. Loaded only now, so that the window need not wait for it. Throws
   * FirebreakError when the directory cannot be used.
   */
  static async start(stateDir: string): Promise<EngineHost> {
    await using stack = new AsyncDisposableStack();
    const { createEngine } = await import('../engine/index.ts');
    const engine = stack.use(await createEngine({ stateDir }));
    const [near, far] = memoryPair();
    stack.use(serve(api, engine.api, far));
    const client = stack.use(createClient(near));
    return new EngineHost(engine.api, client, stack.move());
  }

  /** Serves the engine over one more port. */
  serve(port: Port): Disposable {
    return serve(api, this.#api, port);
  }
  status(): Promise<EngineStatus> {
    return this.client.query('status', {});
  }
  async underWay(): Promise<UnderWay> {
    const { faults, experiment } = await this.status();
    return {
      faults: faults.filter(({ state }) => UNDER_WAY.has(state)).length,
      unconfirmed: faults.filter(({ state }) => state === 'unconfirmed').length,
      experiment: experiment?.pid === process.pid ? experiment.name : '',
    };
  }
  /** Calls back with every event until the engine ends; with those from now on when it fell too far behind. */
  async follow(listener: (event: EngineEvent) => void): Promise<void> {
    for (;;) {
      try {
        for await (const event of this.client.stream('events', {})) listener(event);
        return;
      } catch (error) {
        const code = error instanceof FirebreakError ? error.code : '';
        if (code === 'disconnected') return;
        // Nobody catches it, and the whole program would end for a notification.
        if (code !== 'events-lost') throw error;
      }
    }
  }
  /** Ends runs and faults, reverts, and closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#end.disposeAsync();
  }
}
