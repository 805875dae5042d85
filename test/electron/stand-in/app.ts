import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Preventable } from './runtime.ts';

interface Closable {
  close(): void;
  isDestroyed(): boolean;
}

class App extends EventEmitter {
  readonly isPackaged = false;
  readonly commandLine = { appendSwitch: (): void => {} };
  readonly windows = new Set<Closable>();
  readonly #ready = Promise.withResolvers<void>();
  #isReady = false;
  #quitting = false;
  #sandboxed = false;
  readonly #paths = new Map<string, string>([['userData', join(tmpdir(), `stand-in-${process.pid}`)]]);

  whenReady(): Promise<void> {
    return this.#ready.promise;
  }
  isReady(): boolean {
    return this.#isReady;
  }
  /** The browser runs. */
  becomeReady(): void {
    this.#isReady = true;
    this.#ready.resolve();
    this.emit('ready', {}, {});
  }
  setName(): void {}
  getPath(name: string): string {
    return this.#paths.get(name) ?? tmpdir();
  }
  setPath(name: string, path: string): void {
    if (!path.startsWith('/') && !/^[A-Z]:/i.test(path)) throw new Error('Path must be absolute');
    if (!existsSync(path)) throw new Error(`Failed to set path: ${path}`);
    this.#paths.set(name, path);
  }
  showAboutPanel(): void {}
  enableSandbox(): void {
    if (this.#isReady) throw new Error('app.enableSandbox() can only be called before app is ready');
    this.#sandboxed = true;
  }
  get sandboxed(): boolean {
    return this.#sandboxed;
  }

  quit(): void {
    const before = new Preventable();
    this.#quitting = true;
    this.emit('before-quit', before);
    if (before.defaultPrevented) return void (this.#quitting = false);
    if (this.windows.size === 0) return this.#willQuit();
    for (const window of [...this.windows]) window.close();
    if (this.windows.size > 0) this.#quitting = false;
  }
  /** A window has gone. */
  closed(window: Closable): void {
    this.windows.delete(window);
    if (this.windows.size > 0) return;
    if (this.#quitting) this.#willQuit();
    else if (this.listenerCount('window-all-closed') === 0) this.quit();
    else this.emit('window-all-closed');
  }
  #willQuit(): void {
    const event = new Preventable();
    this.emit('will-quit', event);
    this.#quitting = false;
    if (!event.defaultPrevented) this.exit(0);
  }
  exit(code = 0): void {
    this.emit('quit', {}, code);
    process.exit(code);
  }

  /** A lock file with the holder's pid; who comes second leaves a letter and goes. */
  requestSingleInstanceLock(): boolean {
    const folder = join(this.getPath('userData'), 'single-instance');
    mkdirSync(folder, { recursive: true });
    const lock = join(folder, 'lock');
    if (existsSync(lock) && isAlive(Number(readFileSync(lock, 'utf8')))) {
      const letter = join(folder, `${process.pid}.json`);
      writeFileSync(`${letter}.new`, JSON.stringify({ argv: process.argv, cwd: process.cwd() }));
      writeFileSync(letter, readFileSync(`${letter}.new`));
      return false;
    }
    writeFileSync(lock, String(process.pid));
    watch(folder, () => this.#readLetters(folder)).unref();
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    return true;
  }
  #readLetters(folder: string): void {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
      const text = readFileSync(join(folder, name), 'utf8');
      if (!text.endsWith('}')) continue;
      rmSync(join(folder, name));
      const { argv, cwd } = JSON.parse(text) as { argv: string[]; cwd: string };
      this.emit('second-instance', {}, argv, cwd, undefined);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export const app = new App();
