import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildRoom } from '../../renderer/build.mjs';
import { Desk, Home, NO_DESKTOP, until } from './desk.ts';

test(
  'the built room opens in the window over the demo, without a complaint, and HALT in it reaches the engine',
  { skip: NO_DESKTOP },
  async () => {
    await using home = new Home();
    const outdir = join(home.path, 'room');
    await buildRoom({ outdir });
    const complaints: string[] = [];
    await using desk = await Desk.start(home, {
      args: ['--demo'],
      env: { FIREBREAK_ROOM: outdir },
      ready: async (page) => {
        page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
        page.on('pageerror', (error) => complaints.push(error.message));
        await page.getByText('storefront', { exact: true }).first().waitFor({ timeout: 60_000 });
      },
    });
    const { page } = desk;
    await desk.menu('show-builder');
    await page.locator('.cm-editor').first().waitFor({ timeout: 60_000 });
    const before = (await desk.notifications()).length;
    await page.getByRole('button', { name: /HALT/ }).first().click();
    await until('the notification of HALT', async () => (await desk.notifications()).slice(before).includes('HALT'));
    assert.deepEqual(complaints, []);
  },
);
