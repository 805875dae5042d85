import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type Browser, type Locator, type Page } from 'playwright-core';
import { Flood } from './flood.ts';
import { type PageTask, TASK_CATEGORIES, tasksOf } from './page-tasks.ts';
import { LAPTOP, NO_ROOM, type Stage, type Visit, openBrowser, openStage, until, visit } from './stage.ts';

const FAULT = `version: 1
policies:
  - { name: broken, type: http, route: shop, target: /broken*, error_chance: 1, error_code: 503 }
`;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the log journal', { skip: NO_ROOM }, () => {
  let browser: Browser;
  let stage: Stage;
  let address: AddressInfo;
  let run: string;
  const upstream = createServer((_request, response) => response.end('ok'));
  /** One request of its own connection, answered. */
  const ask = async (target: string, method = 'GET', headers: readonly string[] = []): Promise<void> => {
    const socket = connect(address.port, '127.0.0.1');
    socket.end([`${method} ${target} HTTP/1.1`, 'Host: shop', 'Connection: close', ...headers, '', ''].join('\r\n'));
    socket.resume();
    await once(socket, 'close');
  };
  before(async () => {
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    [browser, stage] = await Promise.all([openBrowser(), openStage()]);
    const { client } = stage;
    const { port } = upstream.address() as AddressInfo;
    const [route] = await client.command('openRoutes', {
      routes: [{ name: 'shop', protocol: 'http', listen: '127.0.0.1:0', upstream: `127.0.0.1:${port}` }],
    });
    assert.ok(route !== undefined);
    address = { address: '127.0.0.1', family: 'IPv4', port: Number(route.listen.split(':')[1]) };
    await client.command('saveSetting', {
      key: 'preferences',
      value: {
        theme: 'dark',
        presenter: false,
        discreet: false,
        clock: 'utc',
        welcomed: true,
        traceUrl: 'https://traces.example/trace/{trace}',
      },
    });
    ({ run } = await client.command('apply', { text: FAULT, ttlMs: 600_000, routes: [route] }));
  });
  after(async () => {
    await browser?.close();
    await stage?.client.command('abort', { run, why: 'the test is over' });
    assert.equal((await stage.client.query('released', { run })).reverted, true);
    assert.deepEqual((await stage.client.query('open', {})).open, []);
    await stage?.[Symbol.asyncDispose]();
    upstream.closeAllConnections();
    upstream.close();
  });

  /** The journal over the whole board, listening: a message has been seen to arrive. */
  const expanded = async ({ page }: Visit): Promise<Locator> => {
    const journal = page.getByRole('region', { name: 'Log journal' });
    await journal.getByRole('button', { name: 'Expand Log journal' }).click();
    await until('the journal listens', async () => {
      await ask('/hello');
      return (await row(journal, '/hello').count()) > 0;
    });
    return journal;
  };
  const row = (journal: Locator, text: string): Locator => journal.getByRole('row').filter({ hasText: text });
  const shown = (journal: Locator): Promise<string[]> =>
    journal.getByRole('row').locator(':nth-child(5)').allTextContents();

  test('messages and events stand in one journal; three choices that depend on each other, an action and a search narrow it', async () => {
    await using room = await visit(browser, stage);
    const journal = await expanded(room);
    await ask('/broken/1', 'POST');
    await row(journal, '/broken/1').getByText('503').waitFor();
    await ask('/fine/1', 'PUT');
    await row(journal, '/fine/1').getByText('pass').waitFor();
    await row(journal, 'active').filter({ hasText: 'broken' }).waitFor();

    await journal.getByLabel('Action').selectOption('Under fault');
    await row(journal, '/hello').waitFor({ state: 'detached' });
    await journal.getByLabel('Action').selectOption('All actions');
    await journal.getByLabel('Source').selectOption('shop');
    assert.deepEqual(await journal.getByLabel('Protocol').locator('option').allTextContents(), [
      'All protocols',
      'http',
    ]);
    await journal.getByLabel('Protocol').selectOption('http');
    assert.deepEqual(await journal.getByLabel('Method').locator('option').allTextContents(), [
      'All methods',
      'GET',
      'POST',
      'PUT',
    ]);
    await journal.getByLabel('Method').selectOption('PUT');
    await row(journal, '/hello').waitFor({ state: 'detached' });
    assert.deepEqual(await shown(journal), ['Target', '/fine/1']);
    // Another source begins anew.
    await journal.getByLabel('Source').selectOption('All sources');
    assert.equal(await journal.getByLabel('Method').inputValue(), '');

    const search = journal.getByLabel('Search');
    await search.fill('/^/broken/');
    await row(journal, '/hello').waitFor({ state: 'detached' });
    assert.ok((await shown(journal)).includes('/broken/1'));
    await search.fill('/broken(/');
    await journal.getByRole('alert').getByText('Unterminated group').waitFor();
    assert.ok((await shown(journal)).includes('/broken/1'), 'the last good search stays in force');
    await search.fill('nobody says this');
    await journal.getByText('No line fits this filter').waitFor();
    await journal.getByRole('button', { name: 'Show all' }).click();
    await row(journal, '/fine/1').waitFor();
    room.quiet();
  });

  test('by keyboard alone: paused it stands still and counts, a line is chosen, its payload opened, its ids copied', async () => {
    await using room = await visit(browser, stage);
    await room.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const { page } = room;
    const journal = await expanded(room);
    const grid = journal.getByRole('grid');
    await ask('/broken/2', 'POST', [
      `traceparent: 00-${TRACE}-00f067aa0ba902b7-01`,
      'X-Request-Id: r-17',
      'Authorization: Bearer very-secret',
    ]);
    await row(journal, '/broken/2').waitFor();
    await grid.focus();
    await page.keyboard.press('Space');
    const resume = journal.getByRole('button', { name: 'Resume the journal' });
    await resume.getByText('nothing new').waitFor();
    const standing = await shown(journal);
    await ask('/broken/3');
    await resume.getByText('1 line since').waitFor();
    assert.deepEqual(await shown(journal), standing);

    await page.keyboard.press('End');
    await row(journal, '/broken/3').waitFor();
    await journal.getByRole('row', { selected: true }).waitFor();
    while (!(await journal.getByRole('row', { selected: true }).textContent())?.includes('/broken/2'))
      await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Control+c');
    await page.getByText('Copied').first().waitFor();
    assert.match(
      await clipboard(page),
      new RegExp(`shop http POST /broken/2 error 503 policy=broken request=r-17 trace=${TRACE}$`),
    );
    await page.keyboard.press('Enter');
    const payload = page.getByRole('dialog', { name: 'POST /broken/2' });
    await payload.getByText('Authorization: ***').waitFor();
    await payload.getByText('r-17', { exact: true }).waitFor();
    assert.match((await payload.textContent()) ?? '', /Answered with503.*\d{4}-\d\d-\d\d [\d:.]+ UTC/s);
    const link = payload.getByRole('link', { name: 'Open the trace' });
    assert.deepEqual(await Promise.all(['href', 'rel', 'target'].map((name) => link.getAttribute(name))), [
      `https://traces.example/trace/${TRACE}`,
      'noreferrer',
      '_blank',
    ]);
    await payload.getByRole('button', { name: 'Copy the trace id' }).press('Enter');
    await until('the trace id is copied', async () => (await clipboard(page)) === TRACE);
    await page.keyboard.press('Escape');
    await payload.waitFor({ state: 'detached' });
    await until(
      'the keyboard is back in the list',
      async () => (await page.evaluate("document.activeElement.getAttribute('role')")) === 'grid',
    );
    await journal.getByRole('button', { name: 'Copy lines' }).press('Enter');
    await page.getByRole('menuitem', { name: /as JSON lines$/ }).press('Enter');
    await until('the trace id makes room for the lines', async () => (await clipboard(page)).startsWith('{'));
    const copied = (await clipboard(page)).split('\n').map((text): unknown => JSON.parse(text).target);
    assert.ok(copied.includes('/broken/3'));
    room.quiet();
  });

  test('scrolled up it pauses, scrolled to the end it goes on', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    const journal = await expanded(room);
    await using flood = new Flood(address.port, '/broken/many');
    flood.start(500);
    await until('there is something to scroll', async () => (await lineCount(journal)) > 500);
    await journal.getByRole('grid').hover();
    await page.mouse.wheel(0, -2_000);
    await journal.getByRole('button', { name: 'Resume the journal' }).waitFor();
    await flood.end();
    await page.mouse.wheel(0, 1_000_000);
    await journal.getByRole('button', { name: 'Pause the journal' }).waitFor();
    await ask('/the-end');
    await row(journal, '/the-end').waitFor();
    room.quiet();
  });

  test(
    'ten thousand lines and two thousand more each second: the page stays smooth and its memory bounded',
    { timeout: 120_000 },
    async (t) => {
      await using room = await visit(browser, stage);
      const { page } = room;
      const journal = await expanded(room);
      await using flood = new Flood(address.port, '/broken/flood');
      flood.start(2_000);
      await until('ten thousand lines are there', async () => (await lineCount(journal)) >= 10_000);
      const devtools = await page.context().newCDPSession(page);
      const heap = async (): Promise<number> => {
        await devtools.send('HeapProfiler.collectGarbage');
        return (await devtools.send('Runtime.getHeapUsage')).usedSize / 1e6;
      };
      const heapBefore = await heap();

      await browser.startTracing(page, { categories: TASK_CATEGORIES });
      const [answersBefore, began] = [flood.answered, performance.now()];
      await until('half has come', () => flood.answered - answersBefore >= 10_000);
      // Ten thousand lines are searched anew while two thousand more come each second.
      for (const search of ['/fl[aeiou]+d/', 'nothing has this', '']) {
        await journal.getByLabel('Search').fill(search);
        await until(
          `${search} is searched`,
          async () => (await lineCount(journal)) === (search.startsWith('n') ? 0 : 10_000),
        );
      }
      await until('twenty thousand more have come', () => flood.answered - answersBefore >= 20_000);
      const seconds = (performance.now() - began) / 1_000;
      const rate = (flood.answered - answersBefore) / seconds;
      const tasks = tasksOf(String(await browser.stopTracing()));
      // Rows are there, at the end, while all this goes on.
      assert.ok((await row(journal, '/broken/flood').count()) > 10);
      await flood.end();
      const marker = `/broken/after-${flood.answered}`;
      await ask(marker);
      await row(journal, marker).waitFor();
      const heapAfter = await heap();
      const longest = (time: 'wall' | 'cpu'): number => Math.max(...tasks.map((task) => task[time]));
      const over = (time: 'wall' | 'cpu'): PageTask[] => tasks.filter((task) => task[time] > 50);
      const busy = tasks.reduce((sum, { cpu }) => sum + cpu, 0) / 1_000 / seconds;
      t.diagnostic(
        `${Math.round(rate)} lines/s for ${seconds.toFixed(1)} s: the page has a core for ${(busy * 100).toFixed(0)} % of the time; longest task ${longest('cpu').toFixed(0)} ms of a core, ${longest('wall').toFixed(0)} ms by the clock; over 50 ms: ${over('cpu').length} and ${over('wall').length} of ${tasks.length}; heap ${heapBefore.toFixed(1)} -> ${heapAfter.toFixed(1)} MB`,
      );
      assert.equal(await lineCount(journal), 10_000);
      assert.deepEqual(over('cpu'), []);
      assert.ok(heapAfter < heapBefore + 15, `${heapBefore} -> ${heapAfter} MB`);
      room.quiet();
    },
  );

  test('two journals share one stream, narrow ones keep their filter at hand, and nobody listens when none is on show', async () => {
    const items = [3, 5].map((w, index) => ({
      id: `j${index}`,
      type: 'log-journal',
      x: index * 3,
      y: 0,
      w,
      h: 6,
      settings: {},
    }));
    await using room = await visit(browser, stage, { viewport: LAPTOP });
    const { page } = room;
    await stage.client.command('saveSetting', {
      key: 'boards',
      value: { boards: [{ id: 'two', name: 'Two', items }], current: 'two' },
    });
    const sent: string[] = [];
    page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(String(payload))));
    await page.reload();
    const [narrow, wide] = [page.locator('[data-widget=j0]'), page.locator('[data-widget=j1]')];
    await until('both listen', async () => {
      await ask('/both');
      return (await row(narrow, '/both').count()) > 0 && (await row(wide, '/both').count()) > 0;
    });
    const asked = sent.map((text) => JSON.parse(text)).filter(({ name }) => name === 'traffic');
    assert.equal(asked.length, 1);
    await narrow.getByRole('button', { name: 'Filter' }).press('Enter');
    await page.getByRole('dialog', { name: 'Filter of the journal' }).getByLabel('Source').selectOption(`run ${run}`);
    await page.keyboard.press('Escape');
    await row(narrow, '/both').first().waitFor({ state: 'detached' });
    await narrow.getByRole('button', { name: 'Filter, narrowed' }).waitFor();
    assert.ok((await row(wide, '/both').count()) > 0);

    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await until('the stream is left', () =>
      sent.some((text) => JSON.parse(text).kind === 'cancel' && JSON.parse(text).id === asked[0].id),
    );
    room.quiet();
  });
});

const lineCount = async (journal: Locator): Promise<number> =>
  Number(await journal.getByRole('grid').getAttribute('aria-rowcount')) - 1;
const clipboard = async (page: Page): Promise<string> => page.evaluate('navigator.clipboard.readText()');
