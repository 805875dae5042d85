import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Browser } from 'playwright-core';
import { NO_ROOM, openBrowser, openStage, type Stage, visit } from './stage.ts';

/** HALT by its one key, wherever the keyboard is; and by somebody else. */

let browser: Browser & AsyncDisposable;
let stage: Stage;
before(async () => {
  if (NO_ROOM !== false) return;
  browser = await openBrowser();
  stage = await openStage();
});
after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

test(
  'the key of HALT is HALT also in an editor that would go to its next finding with it',
  { skip: NO_ROOM, timeout: 180_000 },
  async () => {
    await using guest = await visit(browser, stage);
    const { page } = guest;
    await page.evaluate(() => void (location.hash = '/builder'));
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('version: 7');
    await page.locator('.cm-lint-marker').first().waitFor();
    await page.keyboard.press('F8');
    await page.getByRole('region', { name: 'What HALT did' }).getByText('Halted in').waitFor({ timeout: 20_000 });
    assert.equal((await stage.client.query('status', {})).halted, true);
    guest.quiet();
  },
);

test(
  'a HALT that another program gave is shown with its time and who gave it; its rehearsal is not',
  { skip: NO_ROOM, timeout: 180_000 },
  async () => {
    await using guest = await visit(browser, stage);
    const result = guest.page.getByRole('region', { name: 'What HALT did' });
    await stage.client.command('rehearse', {});
    await stage.client.command('halt', { by: 'a terminal' });
    await result.getByText('By a terminal.').waitFor();
    await result.getByText('Halted in').waitFor();
    await result.getByText('Nothing was injected.').waitFor();
    await guest.page.reload();
    // The journal of the board has heard of it by then.
    await guest.page.getByText('HALT by a terminal').first().waitFor();
    assert.equal(await result.count(), 0, 'what the log tells of the past covers no page that has just been opened');
    guest.quiet();
  },
);
