import { type EngineApi, api } from '../contract/api.ts';
import { type EngineClient, createClient } from '../contract/client.ts';
import { type Port } from '../contract/envelope.ts';
import { type OpenShop, type ShopOptions } from '../demo/open.ts';
import { serve } from '../transport/dispatch.ts';
import { memoryPair } from '../transport/memory.ts';

/** What the command line needs of an engine; `createEngine` gives more. */
export interface RunningEngine extends AsyncDisposable {
  readonly api: EngineApi;
}
/** Everything that is started, named here so that tests can run the command line over an engine of their own. */
export interface Parts {
  createEngine(options: { readonly stateDir: string; readonly observer: boolean }): Promise<RunningEngine>;
  startDemo(client: EngineClient, options: ShopOptions): Promise<OpenShop>;
  /** The helper that has root, for one user; it listens at `address` or the user's usual place. */
  startHelper(options: { readonly uid: number; readonly address?: string; readonly stateDir?: string; readonly log: (text: string) => void }): Promise<AsyncDisposable>;
}

/** An engine in this process, spoken to through the contract as any other host would. */
export class Session implements AsyncDisposable {
  readonly engine: RunningEngine;
  readonly client: EngineClient;
  readonly #end: AsyncDisposableStack;

  constructor(engine: RunningEngine) {
    this.engine = engine;
    this.#end = new AsyncDisposableStack();
    this.#end.use(engine);
    const [near, far] = memoryPair();
    this.#end.use(this.serve(far));
    this.client = this.#end.use(createClient(near));
  }
  /** Serves the engine over one more port. */
  serve(port: Port): Disposable {
    return serve(api, this.engine.api, port);
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.#end.disposeAsync();
  }
}
