import { openShop } from '../engine/demo/open.ts';
import { demoProbes } from '../engine/demo/probes.ts';
import { type EngineHost } from './engine-host.ts';

/** The demo shop behind the room: opened once, when asked for. */
export class Demo {
  readonly #engine: Promise<EngineHost>;
  #shop: Promise<AsyncDisposable> | undefined;
  #probes: AsyncDisposable | undefined;

  constructor(engine: Promise<EngineHost>) {
    this.#engine = engine;
  }
  /** Resolves when the shop is open and watched; false when it was already. Throws FirebreakError `demo-failed`. */
  async open(): Promise<boolean> {
    if (this.#shop !== undefined) return false;
    const { client } = await this.#engine;
    this.#shop ??= openShop(client);
    try {
      await this.#shop;
    } catch (error) {
      this.#shop = undefined;
      throw error;
    }
    this.#probes = await demoProbes(client);
    return true;
  }
  /** To be called while the engine lives. */
  async endProbes(): Promise<void> {
    await this.#probes?.[Symbol.asyncDispose]();
  }
  /** To be called after the engine's end: it reverts while the services that it broke are there to be checked. */
  async close(): Promise<void> {
    const shop = await this.#shop?.catch(() => undefined);
    await shop?.[Symbol.asyncDispose]();
  }
}
