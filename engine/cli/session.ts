import { type EngineApi, api } from '../contract/api.ts';
import { type EngineClient, createClient } from '../contract/client.ts';
import { type Port } from '../contract/envelope.ts';
import { type Route } from '../contract/models.ts';
import { serve } from '../transport/dispatch.ts';
import { memoryPair } from '../transport/memory.ts';

/** What the command line needs of an engine; `createEngine` gives more. */
export interface RunningEngine extends AsyncDisposable {
  readonly api: EngineApi;
}
/** The demo shop in motion: its routes, which replace those of the same name in a file, and where to look at it. */
export interface RunningDemo extends AsyncDisposable {
  readonly routes: readonly Route[];
  /** Such as `storefront http://127.0.0.1:41234`. */
  readonly places: readonly { readonly name: string; readonly url: string }[];
}

/** Everything that is started, named here so that tests can run the command line over an engine of their own. */
export interface Parts {
  createEngine(options: { readonly stateDir: string; readonly observer: boolean }): Promise<RunningEngine>;
  startDemo(client: EngineClient, seed: number | undefined): Promise<RunningDemo>;
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
