import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { menuAction } from '../../engine/contract/desktop.ts';
import { Desk, Home, NO_DESKTOP, until } from './desk.ts';

/** The application menu. */

test('every action of the contract is in the menu and reaches the page', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  await using desk = await Desk.start(home);
  for (const action of menuAction.options) await desk.menu(action);
  await until('the last action', async () => (await desk.seen()).menu.length >= menuAction.options.length);
  assert.deepEqual((await desk.seen()).menu, menuAction.options);

  const entries = await desk.app.evaluate(({ Menu }) =>
    (Menu.getApplicationMenu()?.items ?? []).map(({ label }) => label.replace('&', '')),
  );
  const expected = ['File', 'Edit', 'View', 'Run', 'Help'];
  assert.deepEqual(
    entries.filter((label) => label !== 'Firebreak'),
    expected,
  );
  for (const id of ['halt', 'demo', 'state-folder']) {
    assert.equal(
      await desk.app.evaluate(({ Menu }, wanted) => Menu.getApplicationMenu()?.getMenuItemById(wanted) !== null, id),
      true,
      id,
    );
  }
});

test('the icons that the host shows are there', () => {
  const icons = join(import.meta.dirname, '..', '..', 'assets', 'icons');
  for (const name of ['512x512.png', '32x32.png', 'trayTemplate.png', 'trayTemplate@2x.png', 'icon.ico', 'icon.icns'])
    assert.ok(existsSync(join(icons, name)), name);
});

test('the demo shop opens from the menu, and ends with the program', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  await using desk = await Desk.start(home);
  await desk.menu('demo');
  await until('the shop', async () =>
    (await desk.seen()).notices.some(({ text }) => text.startsWith('The demo shop is open')),
  );
  const { routes } = await desk.call<{ routes: { name: string; listen: string }[] }>('query', 'status');
  assert.deepEqual(routes.map(({ name }) => name).toSorted(), ['ledger', 'orders', 'payments', 'storefront']);
  const front = `http://${routes.find(({ name }) => name === 'storefront')?.listen}/checkout`;
  assert.equal((await fetch(front)).status, 200);
  await desk.tray('quit');
  assert.equal(await desk.ended(), 0);
  await assert.rejects(fetch(front));
});
