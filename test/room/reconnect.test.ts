import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Browser } from 'playwright-core';
import { folder } from '../cli/process.ts';
import { state } from './hands.ts';
import { NO_CONNECTION, banner, breakAndMend, caughtUp, plain, told, watch } from './hearing.ts';
import { Line, serve, witness } from './serving.ts';
import { NO_ROOM, openBrowser } from './stage.ts';

describe('an open page that loses its engine', { skip: NO_ROOM, timeout: 280_000 }, () => {
  let browser: Browser;
  before(async () => (browser = await openBrowser()));
  after(() => browser?.close());

  test('a mere loss of the connection: what the engine tells meanwhile comes once, and in order', async () => {
    using dir = folder();
    await using served = await serve(dir.path);
    await using line = await Line.open();
    await using room = await watch(browser, served, line);
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
    await using room = await watch(browser, served, line);
    const { page } = room;
    using heard = await witness(served);
    await breakAndMend(heard);
    const known = told(await caughtUp(page, heard)).at(-1)?.seq ?? 0;
    line.cut();
    await banner(page).waitFor();
    // Each HALT is an event; the log holds 10,000.
    for (let round = 0; round < 110; round++)
      await Promise.all(Array.from({ length: 100 }, () => heard.client.command('halt', { by: 'the test' })));
    const oldest = (await heard.client.query('status', {})).events?.oldest ?? 0;
    assert.ok(oldest > known + 1);
    line.mend();
    const lost = oldest - known - 1;
    await page
      .getByText(
        new RegExp(
          `^${lost.toLocaleString('en')} events \\(${known + 1} to ${oldest - 1}\\) were not told to this page`,
        ),
      )
      .waitFor();
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
    await using room = await watch(browser, served);
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
    await using room = await watch(browser, first);
    const { page } = room;
    await first.kill();
    await using second = await serve(dir.path, '--new-token', '--port', String(first.port));
    assert.notEqual(second.url, first.url);
    await banner(page)
      .getByText('This page is not let in any more. The engine was started with a new secret')
      .waitFor();
    await banner(page).getByText('Open the address that it printed last').waitFor();
    room.quiet(NO_CONNECTION);
    await page.goto(second.url);
    await state(page).getByText('Clean').waitFor();
    assert.equal(
      await page.evaluate('location.hash.includes("token")'),
      false,
      'the secret is not left in the address',
    );
  });
});
