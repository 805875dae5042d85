import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Browser } from 'playwright-core';
import { folder } from '../cli/process.ts';
import { keyboard, mouse, rate, state, widget } from './hands.ts';
import { serve, witness } from './serving.ts';
import { NO_ROOM, openBrowser, until, visit } from './stage.ts';

describe('the first minute of a newcomer', { skip: NO_ROOM, timeout: 280_000 }, () => {
  let browser: Browser;
  before(async () => (browser = await openBrowser()));
  after(() => browser?.close());

  for (const handOf of [mouse, keyboard]) {
    test(`by ${handOf.name}: something is broken, seen, and put back`, async () => {
      using dir = folder();
      await using served = await serve(dir.path, '--demo');
      await using room = await visit(browser, served, { welcome: true });
      const { page } = room;
      const hand = handOf(page);
      await page.getByRole('region', { name: 'Welcome' }).getByText('HALT, at the top right').waitFor();
      await hand.press({ role: 'button', name: 'Break something safely' });
      await state(page).getByText('Under fault').waitFor({ timeout: 60_000 });
      await until('velocity rises', async () => (await rate(page)) > 0);
      await hand.halt();
      await page.getByRole('region', { name: 'What HALT did' }).getByText('clean', { exact: true }).waitFor();
      using heard = await witness(served);
      assert.deepEqual((await heard.client.query('open', {})).open, []);
      await page.reload();
      await widget(page, 'fault-velocity').waitFor();
      assert.equal(await page.getByRole('region', { name: 'Welcome' }).count(), 0, 'it greets once');
      room.quiet();
    });
  }
});
