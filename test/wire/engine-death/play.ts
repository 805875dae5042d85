import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporary } from '../../../engine/lifecycle/test-parts.ts';
import { type Child, firebreak, logOf, startChild } from '../../crash/harness.ts';
import { accepts, freePort } from '../../lab/server.ts';
import { type Scene } from './parts.ts';

/** Scenes on one engine, which is killed with -9 in the middle of all of them. */
export class Play implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #stateDir: string;
  readonly #scenes = new Map<string, { readonly scene: Scene; readonly port: number }>();
  readonly #playing = new Set<Scene>();
  /** Why a scene did not come to its middle, by its name: the others are played all the same. */
  readonly #failed = new Map<string, unknown>();

  constructor() {
    this.#stateDir = join(this.#stack.use(temporary()).path, 'state');
  }

  /** Starts the servers and the engine, lets every scene come to its middle, and kills the engine. */
  async killedIn(makers: Readonly<Record<string, () => Promise<Scene>>>): Promise<void> {
    await this.#each(Object.keys(makers), async (name) => {
      const scene = await (makers[name] as () => Promise<Scene>)();
      this.#playing.add(scene);
      this.#scenes.set(name, { scene, port: await freePort() });
    });
    await using engine = startChild('../crash/engine-child.ts', [this.#stateDir, 'none', this.#file()]);
    await engine.hears('active');
    this.#stack.defer(async () => void (await this.#closeRoutes()));
    await this.#each([...this.#scenes.keys()], (name) => this.#strike(name, engine));
    await engine.kill();
  }

  async #strike(name: string, engine: Child): Promise<void> {
    const { scene, port } = this.#of(name);
    const authority = join(this.#stateDir, 'ca', 'firebreak-ca.pem');
    const ca = existsSync(authority) ? readFileSync(authority, 'utf8') : '';
    await scene.struck({ host: '127.0.0.1', port, address: `127.0.0.1:${port}`, ca });
    for (const policy of Object.keys(scene.policies)) {
      await engine.hears(`${policy.startsWith('held') ? 'reached' : 'bitten'} by ${name}-${policy}`);
    }
  }

  #file(): string {
    const lines = ['version: 1', 'routes:'];
    for (const [name, { scene, port }] of this.#scenes) lines.push(`  - { name: ${name}, listen: "127.0.0.1:${port}", ${scene.route} }`);
    lines.push('policies:');
    for (const [name, { scene }] of this.#scenes) {
      for (const [policy, text] of Object.entries(scene.policies)) lines.push(`  - { name: ${name}-${policy}, route: ${name}, ${text} }`);
    }
    return lines.join('\n');
  }

  /** What follows for one scene. */
  async goesOn(name: string): Promise<void> {
    if (this.#failed.has(name)) throw this.#failed.get(name);
    try {
      await this.#of(name).scene.goesOn();
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.stack : String(error)}\n${logOf(this.#stateDir)}`);
    }
    assert.match(logOf(this.#stateDir), new RegExp(`standing in for route ${name} `));
  }

  /** Nothing is left in the journal, and nobody listens once that was asked for. */
  async ends(): Promise<void> {
    assert.doesNotMatch(logOf(this.#stateDir), /uncaught/);
    assert.deepEqual(JSON.parse(await firebreak('recover', '--json', '--state-dir', this.#stateDir)), []);
    for (const [name, { port }] of this.#scenes) assert.equal(await accepts(port), true, `${name}: to recover is not to close`);
    await this.#leave();
    assert.deepEqual(JSON.parse(await this.#closeRoutes()), []);
    for (const [name, { port }] of this.#scenes) assert.equal(await accepts(port), false, name);
  }

  #closeRoutes = (): Promise<string> => firebreak('recover', '--json', '--close-routes', '--state-dir', this.#stateDir);

  #of(name: string): { readonly scene: Scene; readonly port: number } {
    const found = this.#scenes.get(name);
    assert.ok(found);
    return found;
  }
  async #each(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
    await Promise.all(names.map((name) => work(name).catch((error: unknown) => this.#failed.set(name, error))));
  }
  /** Clients leave before their routes close. */
  async #leave(): Promise<void> {
    const playing = [...this.#playing];
    this.#playing.clear();
    await Promise.all(playing.map((scene) => scene[Symbol.asyncDispose]()));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
    await this.#stack.disposeAsync();
  }
}
