import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
export const FAKE = join(root, 'test/cli/fake-main.ts');
export const REAL = join(root, 'engine/cli/main.ts');

/** A command line as a process; `out` and `err` grow while it runs. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly #ended: Promise<unknown[]>;
  #grown = (): void => {};

  constructor(main: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
      env: { ...process.env, FORCE_COLOR: '', NO_COLOR: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
      this.#grown();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
      this.#grown();
    });
    this.#ended = once(this.child, 'close').finally(() => this.#grown());
  }
  async code(): Promise<number | null> {
    const [code] = await this.#ended;
    return code as number | null;
  }
  /** Resolves when the output says so; throws when the process ended without. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.out + this.err)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`ended without ${pattern}:\n${this.out}${this.err}`);
      await new Promise<void>((done) => (this.#grown = done));
    }
  }
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.#ended;
  }
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** The last line of standard output, as JSON. */
  readonly last: () => Record<string, unknown>;
}
export async function cli(main: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
  await using running = new Running(main, args, env);
  const code = await running.code();
  const { out, err } = running;
  return { code, out, err, last: () => JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown> };
}

/** A folder of this test's own, gone with it. */
export function folder(): Disposable & { readonly path: string; file(name: string, text: string): string } {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-cli-'));
  return {
    path,
    file: (name, text) => {
      writeFileSync(join(path, name), text);
      return join(path, name);
    },
    // A watchdog may be writing its last line.
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
