import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type Page, chromium } from 'playwright-core';
import { Session } from '../../engine/cli/session.ts';
import { type EngineClient } from '../../engine/contract/client.ts';
import { startDemo } from '../../engine/demo/demo.ts';
import { createEngine, spawnNode } from '../../engine/index.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { ROOM_FOLDER, openPage } from '../../engine/transport/page.ts';
import { type LoopbackServer, listenLoopback } from '../../engine/transport/websocket.ts';

/** Where Chromium is looked for; CHROMIUM names another place. */
const PLACES = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const CHROMIUM = PLACES.find((path) => path !== undefined && existsSync(path));

/** Why there is no browser here; false when there is one. */
export const NO_BROWSER: string | false =
  CHROMIUM === undefined && 'no Chromium is installed (apt install chromium, or set CHROMIUM)';
/** Why tests in a browser cannot run here; false when they can. For `{ skip: NO_ROOM }`. */
export const NO_ROOM: string | false =
  NO_BROWSER || (!existsSync(join(ROOM_FOLDER, 'index.html')) && 'the room is not built (node renderer/build.mjs)');

export const DESKTOP = { width: 1920, height: 1080 };
export const LAPTOP = { width: 1280, height: 800 };

export interface StageOptions {
  /** With the demo shop and its standing probe `checkout`. */
  readonly demo?: boolean;
  /** Kept by the caller; a temporary one otherwise. */
  readonly stateDir?: string;
  /** 0 for any; the same as before for a restart. */
  readonly port?: number;
  readonly token?: string;
}
/** A real engine that serves the real room. */
export interface Stage extends AsyncDisposable {
  readonly url: string;
  readonly client: EngineClient;
  readonly server: LoopbackServer;
  readonly stateDir: string;
}

/** Starts an engine and serves the room; disposing ends everything that was started. */
export async function openStage({ demo = false, stateDir, port = 0, token }: StageOptions = {}): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const folder = stateDir ?? mkdtempSync(join(tmpdir(), 'firebreak-room-'));
  if (stateDir === undefined) stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const session = stack.use(new Session(await createEngine({ stateDir: folder })));
  const { client } = session;
  const server = stack.use(
    await listenLoopback((one) => void session.serve(one), {
      port,
      room: openPage(),
      ...(token === undefined ? {} : { token }),
    }),
  );
  if (demo) {
    stack.use(
      await startDemo({
        spawnNode,
        seed: 42,
        clock: realClock,
        openRoutes: (routes) => client.command('openRoutes', { routes }),
        closeRoutes: async (names) => void (await client.command('closeRoutes', { names: [...names] })),
      }),
    );
    await client.command('startProbe', {
      name: 'checkout',
      probe: { type: 'http', url: 'route://storefront/checkout', every: '500ms' },
    });
  }
  const all = stack.move();
  return { url: server.roomUrl, client, server, stateDir: folder, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** A browser; one at a time is enough for a test file. */
export async function openBrowser(): Promise<Browser & AsyncDisposable> {
  return chromium.launch({
    ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
    args: ['--no-sandbox', '--force-device-scale-factor=1'],
  });
}

export interface Visit extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /**
   * Fails with what the console said that it should not have: errors, warnings, uncaught exceptions. `but`: what the
   * browser itself says when the engine is killed under the page, which no page can keep it from saying.
   */
  quiet(but?: RegExp): void;
}
export interface VisitOptions {
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Leaves the welcome of the first start open. */
  readonly welcome?: boolean;
  /** What lies between the page and the engine. */
  readonly proxy?: { readonly server: string; readonly bypass: string };
}

/** Opens the room in a tab of its own and waits until it shows what the engine tells. */
export async function visit(
  browser: Browser,
  { url }: Pick<Stage, 'url'>,
  { viewport = DESKTOP, welcome = false, proxy }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport, ...(proxy === undefined ? {} : { proxy }) });
  const page = await context.newPage();
  const said: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) said.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => said.push(`uncaught: ${error.stack ?? error.message}`));
  await page.goto(url);
  await page
    .getByRole('status', { name: 'State of the faults' })
    .getByText('nothing is injected')
    .or(page.getByRole('status', { name: 'State of the faults' }).getByText(/Under fault|Unconfirmed|Reverting/))
    .first()
    .waitFor({ state: 'attached' });
  const close = page.getByRole('button', { name: 'Close the welcome' });
  if (!welcome && (await close.isVisible())) await close.click();
  return {
    page,
    context,
    quiet: (but) => assert.deepEqual(but === undefined ? said : said.filter((one) => !but.test(one)), []),
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** Waits until `holds`, however slow the machine is; fails with `what` when that takes more than 30 s. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `waited in vain: ${what}`);
    // The engine of the stage lives in this process: it must get its turn.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
