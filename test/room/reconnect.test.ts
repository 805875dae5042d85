import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { type Browser, type Page } from 'playwright-core';
import { type EngineEvent } from '../../engine/contract/models.ts';
import { folder } from '../cli/process.ts';
import { Line, type Served, type Witness, serve, witness } from './serving.ts';
import { NO_ROOM, type Visit, openBrowser, until, visit } from './stage.ts';

const FAULT = `version: 1
name: broken-payments
routes:
  - { name: own, protocol: http, listen: "127.0.0.1:0", upstream: "127.0.0.1:9" }
policies:
  - { name: broken, type: http, route: own, target: all, error_chance: 1, error_code: 503 }
`;
const experimentOn = (port: number): string => `version: 1
name: cut-short
routes:
  - { name: own, protocol: http, listen: "127.0.0.1:0", upstream: "127.0.0.1:${port}" }
policies:
  - { name: late, type: http, route: own, target: all, latency_chance: 1, latency_duration: 5ms }
experiment:
  hypothesis: It goes on.
  duration: 10m
  baseline: 500ms
  steady_state:
    - { name: own, probe: { type: http, url: "route://own/", every: 100ms }, expect: success_rate > 0.5 }
`;
/** Something that answers. */
async function answering(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((_request, response) => response.end('ok'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
const TTL = 600_000;
/** What Chromium itself says of a connection that it cannot make or that breaks. */
const NO_CONNECTION = /WebSocket connection to|Failed to load resource/;

interface Taken extends EngineEvent {
  readonly key: string;
  readonly note?: true;
}
/** What the page has really taken up: its log journal, copied as JSON lines. */
async function taken(page: Page): Promise<Taken[]> {
  await page.evaluate("navigator.clipboard.writeText('')");
  await page.getByRole('button', { name: 'Copy lines' }).click();
  await page.getByRole('menuitem', { name: /as JSON lines/ }).click();
  let text = '';
  await until('the lines are on the clipboard', async () => (text = await page.evaluate<string>('navigator.clipboard.readText()')) !== '');
  return text.split('\n').map((line) => JSON.parse(line) as Taken).filter(({ body }) => body !== undefined);
}
const plain = ({ key: _, ...event }: Taken): EngineEvent => event;
const told = (events: readonly Taken[]): Taken[] => events.filter(({ note }) => note !== true);
const notes = (events: readonly Taken[]): string[] => events.flatMap(({ note, body }) => (note === true && body.kind === 'log' ? [body.text] : []));

/** Injects a fault and ends it again: some events that everybody must hear once. */
async function breakAndMend({ client }: Pick<Witness, 'client'>): Promise<void> {
  const { run } = await client.command('apply', { text: FAULT, ttlMs: TTL });
  await client.command('abort', { run, why: 'the test is over' });
  await client.query('released', { run });
}
/** Waits until the page has all that the witness has heard by then, and says what it has. */
async function caughtUp(page: Page, { client, events }: Witness): Promise<Taken[]> {
  const newest = (await client.query('status', {})).events?.newest ?? 0;
  await until('the witness has heard all', () => (events.at(-1)?.seq ?? 0) >= newest);
  let lines: Taken[] = [];
  await until('the page has heard all', async () => told((lines = await taken(page))).at(-1)?.seq === newest);
  return lines;
}
const state = (page: Page) => page.getByRole('status', { name: 'State of the faults' });
const banner = (page: Page) => page.getByRole('alert').filter({ hasText: 'What you see is the last that was known' });

describe('an open page and its engine', { skip: NO_ROOM, timeout: 280_000 }, () => {
  let browser: Browser;
  before(async () => (browser = await openBrowser()));
  after(() => browser?.close());

  /** A visit that tells when the page was loaded anew or connected anew. */
  async function watch(served: Pick<Served, 'url'>, line?: Line): Promise<Visit & { readonly loads: () => number; readonly sockets: () => number }> {
    const room = await visit(browser, served, line === undefined ? {} : { proxy: line.proxy });
    await room.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    let [loads, sockets] = [0, 0];
    room.page.on('load', () => loads++);
    room.page.on('websocket', () => sockets++);
    return { ...room, loads: () => loads, sockets: () => sockets };
  }

  test('kill -9 under a fault: the page says so, keeps what it knew, finds the next engine and hears all of both, once', async () => {
    using dir = folder();
    const first = await serve(dir.path);
    await using room = await watch(first);
    const { page } = room;
    using heard = await witness(first);
    await breakAndMend(heard);
    await heard.client.command('apply', { text: FAULT, ttlMs: TTL });
    await state(page).getByText('Under fault').waitFor();
    const injections = page.getByRole('main').getByText('broken', { exact: true }).first();
    await injections.waitFor();
    await caughtUp(page, heard);

    await first.kill();
    await banner(page).getByText(/No word from the engine since/).waitFor();
    await state(page).getByText('Not known').waitFor();
    await page.locator('main[data-lost]').waitFor();
    assert.equal(await injections.isVisible(), true, 'the last that was known stays');

    await using second = await serve(dir.path);
    assert.equal(second.url, first.url);
    await state(page).getByText('Clean').waitFor();
    await banner(page).waitFor({ state: 'detached' });
    assert.equal(await page.locator('main[data-lost]').count(), 0);
    using heardNext = await witness(second);
    assert.deepEqual((await heardNext.client.query('open', {})).open, [], 'what the dead engine held is put back');
    await breakAndMend(heardNext);
    const lines = await caughtUp(page, heardNext);

    const of = ({ pid }: Served): Taken[] => told(lines).filter(({ key }) => key.startsWith(`${pid}-`));
    assert.deepEqual(of(first).map(plain), heard.events);
    assert.deepEqual(of(second).map(plain), heardNext.events);
    assert.equal(of(first).length + of(second).length, told(lines).length);
    const [note, ...others] = notes(lines);
    assert.match(note ?? '', new RegExp(`started anew \\(process ${second.pid}\\).*Put back since, says the undo journal: broken on `));
    assert.deepEqual(others, []);
    assert.equal(room.loads(), 0, 'it was not loaded anew');
    room.quiet(NO_CONNECTION);
  });

  test('a run dies with its engine: the page does not show it as running, and claims no verdict', async () => {
    using dir = folder();
    await using shop = await answering();
    const first = await serve(dir.path);
    await using room = await watch(first);
    const { page } = room;
    using heard = await witness(first);
    const { run } = await heard.client.command('run', { text: experimentOn(shop.port) });
    await page.keyboard.type('gr');
    const shown = page.getByRole('article', { name: 'Run cut-short' });
    await shown.getByText('running').waitFor();
    await state(page).getByText('Under fault').waitFor();
    await first.kill();
    await banner(page).waitFor();
    // A part of the page that may not have been loaded yet: its engine is away.
    await page.keyboard.type('gm');
    await page.getByRole('main', { name: 'Machine' }).waitFor();

    await using second = await serve(dir.path);
    await page.getByRole('heading', { name: 'The way back' }).waitFor();
    await page.keyboard.type('gr');
    await shown.getByLabel('Verdict').getByText('cut off').waitFor();
    await shown.getByText('The engine ended before the run did').waitFor();
    await shown.getByText('clean').first().waitFor();
    using heardNext = await witness(second);
    assert.deepEqual((await heardNext.client.query('open', {})).open, []);
    await page.evaluate(`location.hash = '/runs/${run}'`);
    await page.reload();
    await page.getByText('This run was cut off').waitFor();
    room.quiet(NO_CONNECTION);
  });

  test('a mere loss of the connection: what the engine tells meanwhile comes once, and in order', async () => {
    using dir = folder();
    await using served = await serve(dir.path);
    await using line = await Line.open();
    await using room = await watch(served, line);
    const { page } = room;
    using heard = await witness(served);
    await breakAndMend(heard);
    await caughtUp(page, heard);
    for (const round of [1, 2]) {
      line.cut();
      await banner(page).waitFor();
      await breakAndMend(heard);
      line.mend();
      await banner(page).waitFor({ state: 'detached' });
      await breakAndMend(heard);
      const lines = await caughtUp(page, heard);
      assert.deepEqual(lines.map(plain), heard.events, `round ${round}`);
    }
    assert.equal(room.loads(), 0);
    room.quiet(NO_CONNECTION);
  });

  test('events that the log no longer holds are told as a gap, with its size; the rest comes once', async () => {
    using dir = folder();
    await using served = await serve(dir.path);
    await using line = await Line.open();
    await using room = await watch(served, line);
    const { page } = room;
    using heard = await witness(served);
    await breakAndMend(heard);
    const known = told(await caughtUp(page, heard)).at(-1)?.seq ?? 0;
    line.cut();
    await banner(page).waitFor();
    // Each HALT is an event; the log holds 10,000.
    for (let round = 0; round < 110; round++) await Promise.all(Array.from({ length: 100 }, () => heard.client.command('halt', { by: 'the test' })));
    const oldest = (await heard.client.query('status', {})).events?.oldest ?? 0;
    assert.ok(oldest > known + 1);
    line.mend();
    const lost = oldest - known - 1;
    await page.getByText(new RegExp(`^${lost.toLocaleString('en')} events \\(${known + 1} to ${oldest - 1}\\) were not told to this page`)).waitFor();
    await breakAndMend(heard);
    const lines = told(await caughtUp(page, heard));
    // The journal shows its newest 10,000 lines.
    assert.ok(lines.length > 9_000);
    assert.deepEqual(lines.map(plain), heard.events.slice(-lines.length));
    room.quiet(NO_CONNECTION);
  });

  test('an engine that stands still is said to be silent, is not dropped, and goes on', async () => {
    using dir = folder();
    await using served = await serve(dir.path);
    await using room = await watch(served);
    const { page } = room;
    served.signal('SIGSTOP');
    await banner(page).getByText('The connection stands, but nothing comes through it.').waitFor();
    await state(page).getByText('Not known').waitFor();
    await page.keyboard.press('F8');
    await page.getByRole('region', { name: 'What HALT did' }).getByText('firebreak halt').waitFor();
    served.signal('SIGCONT');
    await banner(page).waitFor({ state: 'detached' });
    await page.getByText(/^Halted in/).waitFor();
    assert.equal(room.sockets(), 0, 'the connection was kept');
    room.quiet();
  });

  test('after --new-token the page says what to do, and doing it in the same tab helps', async () => {
    using dir = folder();
    const first = await serve(dir.path);
    await using room = await watch(first);
    const { page } = room;
    await first.kill();
    await using second = await serve(dir.path, '--new-token', '--port', String(first.port));
    assert.notEqual(second.url, first.url);
    await banner(page).getByText('This page is not let in any more. The engine was started with a new secret').waitFor();
    await banner(page).getByText('Open the address that it printed last').waitFor();
    room.quiet(NO_CONNECTION);
    await page.goto(second.url);
    await state(page).getByText('Clean').waitFor();
    assert.equal(await page.evaluate('location.hash.includes("token")'), false, 'the secret is not left in the address');
  });
});
