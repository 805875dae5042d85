import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Browser } from 'playwright-core';
import { NO_ROOM, type Stage, openBrowser, openStage, until, visit } from './stage.ts';

const FAULT = `version: 1
routes:
  - { name: own, protocol: http, listen: "127.0.0.1:0", upstream: "127.0.0.1:9" }
policies:
  - { name: broken, type: http, route: own, target: all, error_chance: 1, error_code: 503 }
`;

describe('the frame of the room', { skip: NO_ROOM }, () => {
  let browser: Browser;
  let stage: Stage;
  before(async () => {
    [browser, stage] = await Promise.all([openBrowser(), openStage()]);
  });
  after(async () => {
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
  });

  test('HALT ends a fault by its key while one types in a dialog, and tells how long it took and what became of it', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    const { run } = await stage.client.command('apply', { text: FAULT, ttlMs: 60_000 });
    await page.getByRole('status', { name: 'State of the faults' }).getByText('Under fault').waitFor();
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('What do you want to do?').fill('something');
    await page.keyboard.press('F8');
    const told = page.getByRole('region', { name: 'What HALT did' });
    await told.getByText(/^Halted in [\d.]+ m?s$/).waitFor();
    await told.getByText('clean', { exact: true }).waitFor();
    assert.equal((await stage.client.query('released', { run })).reverted, true);
    assert.equal((await stage.client.query('open', {})).open.length, 0);
    await page.keyboard.press('Escape');
    await page.getByRole('status', { name: 'State of the faults' }).getByText('Halted', { exact: true }).waitFor();
    room.quiet();
  });

  test('HALT can be clicked while a dialog has the rest of the page', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    await stage.client.command('apply', { text: FAULT, ttlMs: 60_000 });
    await page.getByRole('status', { name: 'State of the faults' }).getByText('Under fault').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.locator('[data-halt] button', { hasText: 'HALT' }).click();
    await page.getByText(/^Halted in/).waitFor();
    assert.deepEqual(
      (await stage.client.query('status', {})).faults.filter(({ state }) => state === 'active'),
      [],
    );
    room.quiet();
  });

  test('every action of the palette runs by keyboard alone; keys take one to every view', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    for (const [keys, view] of [
      ['gp', 'Builder'],
      ['gr', 'Runs'],
      ['gm', 'Machine'],
      ['gb', 'Board'],
    ] as const) {
      for (const key of keys) await page.keyboard.press(key);
      await page.getByRole('main', { name: view }).waitFor();
    }
    await page.keyboard.press('Control+k');
    await page.keyboard.type('machine');
    await page.keyboard.press('Enter');
    await page.getByRole('main', { name: 'Machine' }).waitFor();
    await page.getByRole('heading', { name: 'The way back' }).waitFor();
    room.quiet();
  });

  test('theme and presenter mode are kept by the engine, not by the tab', async () => {
    {
      await using room = await visit(browser, stage);
      const { page } = room;
      await page.keyboard.press('v');
      await page.keyboard.press('t');
      await page.locator('html[data-theme=light]').waitFor();
      await page.keyboard.press('v');
      await page.keyboard.press('p');
      await page.locator('html[data-presenter]').waitFor();
      await until('the preferences are kept', async () => {
        const { value } = await stage.client.query('setting', { key: 'preferences' });
        return (value as { presenter?: boolean } | null)?.presenter === true;
      });
    }
    await using again = await visit(browser, stage);
    await again.page.locator('html[data-theme=light][data-presenter]').waitFor();
    again.quiet();
    await stage.client.command('saveSetting', { key: 'preferences', value: null });
  });

  test('a page takes up what another has saved as soon as it is turned to', async () => {
    await using first = await visit(browser, stage);
    await using second = await visit(browser, stage);
    await first.page.keyboard.type('vt');
    await first.page.locator('html[data-theme=light]').waitFor();
    await until('the theme is kept', async () => {
      const { value } = await stage.client.query('setting', { key: 'preferences' });
      return (value as { theme?: string } | null)?.theme === 'light';
    });
    await second.page.locator('html[data-theme=dark]').waitFor();
    // A browser without a screen turns to no page; the page is told as if it had.
    await second.page.evaluate("dispatchEvent(new Event('focus'))");
    await second.page.locator('html[data-theme=light]').waitFor();
    first.quiet();
    second.quiet();
    await stage.client.command('saveSetting', { key: 'preferences', value: null });
  });

  test('nothing leaves this machine: every request of the page goes to its own origin', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('websocket', (socket) => asked.push(socket.url()));
    await page.reload();
    await page.getByRole('status', { name: 'State of the faults' }).waitFor();
    const own = `127.0.0.1:${stage.server.port}`;
    assert.ok(asked.length > 3);
    assert.deepEqual(
      asked.filter((url) => !/^(data|blob):/.test(url) && new URL(url).host !== own),
      [],
    );
    assert.deepEqual(
      asked.filter((url) => url.includes(stage.server.token)),
      [],
      'the token is in no address',
    );
  });
});
