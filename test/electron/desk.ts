import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ElectronApplication, type Page, _electron } from 'playwright-core';
import { buildPreload } from '../../electron/build.mjs';
import { electronBinary } from '../../electron/find.mjs';

/** Starts the real desktop host, in the true Electron where there is one, else under the stand-in. */

const here = import.meta.dirname;
const root = join(here, '..', '..');
const entry = join(root, 'electron', 'main.ts');
const loader = join(
  dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')),
  'lib',
  'server',
  'electron',
  'loader.js',
);

export const binary = electronBinary();
export const ON = binary === undefined ? 'the stand-in: Node and Chromium, without Electron' : `Electron at ${binary}`;

const chromium = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
/** Why the desktop cannot be tested here. */
export const NO_DESKTOP: string | false =
  binary === undefined &&
  (process.platform === 'win32' || !existsSync(chromium)) &&
  'there is neither an Electron nor a Chromium to stand in for it';

/** A folder for one test: the program's state, and whatever else. Removed when disposed. */
export class Home implements AsyncDisposable {
  readonly path = mkdtempSync(join(tmpdir(), 'firebreak-desk-'));
  readonly program = binary ?? standIn(this.path);

  file(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    return path;
  }
  env(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter((one): one is [string, string] => one[1] !== undefined),
    );
    return { ...inherited, FIREBREAK_HOME: join(this.path, 'state'), FIREBREAK_ROOM: join(here, 'page'), ...extra };
  }
  /** Starts the program a second time, by hand, and waits until it has ended. */
  async second(args: readonly string[]): Promise<number | null> {
    const child: ChildProcess = spawn(this.program, [entry, ...args], {
      env: this.env(),
      cwd: this.path,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await endWatchdog(join(this.path, 'state'));
    // A browser that was just ended may still be writing.
    await rm(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/** The watchdog outlives its engine for a while, and would write into a folder that is gone. */
async function endWatchdog(stateDir: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const watching = (): number[] =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => {
        try {
          const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
          return words.includes(stateDir) && words.some((word) => word.endsWith('watchdog.ts'));
        } catch {
          return false;
        }
      });
  for (const pid of watching()) process.kill(pid, 'SIGTERM');
  await until('the watchdog to end', () => watching().length === 0);
}

/** A program that takes Electron's arguments, and is Node only when asked to be, as Electron is. */
function standIn(folder: string): string {
  const path = join(folder, 'electron-stand-in');
  writeFileSync(
    path,
    `#!/bin/sh
if [ "$ELECTRON_RUN_AS_NODE" = 1 ]; then exec '${process.execPath}' --disable-warning=ExperimentalWarning "$@"; fi
STAND_IN_PROGRAM="$0" exec '${process.execPath}' --disable-warning=ExperimentalWarning '${join(here, 'stand-in', 'main.ts')}' "$@"
`,
  );
  chmodSync(path, 0o755);
  return path;
}

export interface DeskOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Another app than the one of this checkout. */
  readonly app?: string;
  /** When the page is ready; that of the tests is when it has its port. */
  readonly ready?: (page: Page) => Promise<unknown>;
}

const hasPort = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => (globalThis as unknown as Room).seen?.ports === 1, undefined, { timeout: 60_000 });

/** A running desktop host. */
export class Desk implements AsyncDisposable {
  readonly app: ElectronApplication;
  readonly page: Page;
  readonly home: Home;
  readonly #process: ChildProcess;

  constructor(app: ElectronApplication, page: Page, home: Home) {
    this.app = app;
    this.page = page;
    this.home = home;
    // Playwright forgets it as soon as the program has ended.
    this.#process = app.process();
  }
  static async start(
    home: Home,
    { args = [], env = {}, app: path = entry, ready = hasPort }: DeskOptions = {},
  ): Promise<Desk> {
    await buildPreload();
    const app = await _electron.launch({
      executablePath: home.program,
      args: ['-r', loader, '-r', join(here, 'spy.cjs'), path, ...args],
      env: home.env(env),
      cwd: home.path,
      timeout: 60_000,
    });
    const page = await app.firstWindow({ timeout: 60_000 });
    await ready(page);
    return new Desk(app, page, home);
  }

  /** Asks the engine through the window. */
  call<T>(kind: 'query' | 'command', name: string, input: object = {}): Promise<T> {
    return this.page.evaluate((sent) => (globalThis as unknown as Room).call(...sent), [kind, name, input] as [
      string,
      string,
      object,
    ]) as Promise<T>;
  }
  seen(): Promise<Room['seen']> {
    return this.page.evaluate(() => (globalThis as unknown as Room).seen);
  }
  /** Presses an entry of the application menu. */
  menu(id: string): Promise<void> {
    return this.app.evaluate(({ Menu }, wanted) => Menu.getApplicationMenu()?.getMenuItemById(wanted)?.click(), id);
  }
  /** Presses an entry of the tray's menu. */
  tray(id: string): Promise<void> {
    return this.app.evaluate(
      (_electron, wanted) => (globalThis as unknown as Spied).spy.tray?.getMenuItemById(wanted)?.click(),
      id,
    );
  }
  /** Presses the keys that were taken from the desktop. */
  keys(): Promise<void> {
    return this.app.evaluate(() => [...(globalThis as unknown as Spied).spy.keys.values()].forEach((press) => press()));
  }
  notifications(): Promise<string[]> {
    return this.app.evaluate(() => (globalThis as unknown as Spied).spy.notifications);
  }
  /** Answers the next questions by the label of a button; @returns what was asked, so far, when called. */
  async answer(label: string): Promise<() => Promise<string[]>> {
    await this.app.evaluate(({ dialog }, wanted) => {
      const asked: string[] = [];
      (globalThis as unknown as { asked: string[] }).asked = asked;
      dialog.showMessageBox = (async (...args: unknown[]) => {
        const { message, buttons } = args.at(-1) as { message: string; buttons: string[] };
        asked.push(message);
        return { response: buttons.indexOf(wanted), checkboxChecked: false };
      }) as unknown as typeof dialog.showMessageBox;
    }, label);
    return () => this.app.evaluate(() => (globalThis as unknown as { asked: string[] }).asked);
  }
  closeWindow(): Promise<void> {
    return this.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
  }
  isVisible(): Promise<boolean> {
    return this.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible() === true);
  }
  /** Resolves with the exit code when the program has ended. */
  async ended(): Promise<number | null> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    await this.app.evaluate(({ app }) => app.quit()).catch(() => {});
    await this.ended();
  }
}

interface Room {
  readonly seen: {
    menu: string[];
    files: { path: string; name: string; text: string }[];
    notices: { level: string; text: string; hint: string }[];
    ports: number;
    closed: number;
    portOrigin: string;
  };
  call(kind: string, name: string, input: object): Promise<unknown>;
}
interface Spied {
  readonly spy: {
    readonly keys: Map<string, () => void>;
    readonly tray: { getMenuItemById(id: string): { label: string; click(): void } | null } | null;
    readonly notifications: string[];
  };
}

/** Waits until something holds; looks every 20 ms, and gives up after 30 s. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const late = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > late) throw new Error(`still waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
export const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
