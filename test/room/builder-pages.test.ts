import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Browser, type Page } from 'playwright-core';
import { NO_ROOM, openBrowser, openStage, type Stage, until, visit } from './stage.ts';

/** The builder in two windows at once, and with a text that nobody should write. */

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
const options = { skip: NO_ROOM, timeout: 180_000 };

async function toBuilder(page: Page): Promise<void> {
  await page.evaluate(() => void (location.hash = '/builder'));
  await page.getByRole('tab', { name: 'Form' }).waitFor();
}
async function type(page: Page, text: string): Promise<void> {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}
const lineOf = (page: Page, text: string) => page.locator('.cm-line', { hasText: text });
const draft = async (): Promise<string> =>
  ((await stage.client.query('setting', { key: 'draft' })).value as { text?: string } | null)?.text ?? '';

test('a text that is open in two windows is the same in both, and neither writes over the other', options, async () => {
  await using guest = await visit(browser, stage);
  const { page: one, context } = guest;
  await toBuilder(one);
  const other = await context.newPage();
  await other.goto(stage.url);
  await toBuilder(other);
  await type(one, 'version: 1\nname: written-in-one\n');
  await lineOf(other, 'written-in-one').waitFor();
  await other.getByText('The text was changed in another window').waitFor();
  await type(other, 'version: 1\nname: written-in-the-other\n');
  await lineOf(one, 'written-in-the-other').waitFor();
  await until('what was written last is kept', async () => (await draft()).includes('written-in-the-other'));
  await one.getByRole('button', { name: 'Undo' }).click();
  await lineOf(one, 'written-in-one').waitFor();
  await lineOf(other, 'written-in-one').waitFor();
  guest.quiet();
});

test('brackets that nobody closes cost a text its colours until they are gone, and no more', options, async () => {
  await using guest = await visit(browser, stage);
  const { page } = guest;
  await toBuilder(page);
  await type(page, `name: ${'['.repeat(5_000)}`);
  await page.getByText('cannot be read').first().waitFor();
  await type(page, 'version: 1 # a note\n');
  await until('the text is coloured', () => page.evaluate(() => document.querySelectorAll('.cm-line span').length > 1));
  assert.equal(await page.locator('.cm-content').count(), 1);
  guest.quiet();
});
