import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Browser, type Page } from 'playwright-core';
import { NO_ROOM, type Stage, openBrowser, openStage, until, visit } from './stage.ts';

interface Cells {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
/** Where every widget of the board on show stands, by its type. */
const places = (page: Page): Promise<Record<string, Cells>> =>
  page.locator('[data-widget]').evaluateAll((all) =>
    Object.fromEntries(
      all.map((one) => {
        const { style, dataset } = one as unknown as {
          style: { getPropertyValue(name: string): string };
          dataset: Record<string, string>;
        };
        const cell = (name: string): number => Number(style.getPropertyValue(name));
        return [dataset['type'], { x: cell('--x') - 1, y: cell('--y') - 1, w: cell('--w'), h: cell('--h') }];
      }),
    ),
  );
const overlap = (a: Cells, b: Cells): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
const sound = (cells: Readonly<Record<string, Cells>>): void => {
  for (const [name, one] of Object.entries(cells)) {
    for (const [other, two] of Object.entries(cells))
      assert.ok(name === other || !overlap(one, two), `${name} lies on ${other}`);
  }
};

/** Waits until the engine keeps boards that fit. */
const kept = ({ client }: Stage, fits: (text: string) => boolean): Promise<void> =>
  until('the engine keeps the boards', async () =>
    fits(JSON.stringify((await client.query('setting', { key: 'boards' })).value) ?? ''),
  );
const keeps = (stage: Stage, part: string): Promise<void> => kept(stage, (text) => text.includes(part));

async function drag(page: Page, handle: string, by: { readonly x: number; readonly y: number }): Promise<void> {
  const box = (await page.getByRole('button', { name: handle, exact: true }).boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 8, y + 8);
  await page.mouse.move(x + by.x, y + by.y, { steps: 6 });
  await page.mouse.up();
}
const keys = async (page: Page, ...pressed: readonly string[]): Promise<void> => {
  for (const key of pressed) await page.keyboard.press(key);
};

describe('the board', { skip: NO_ROOM }, () => {
  let browser: Browser;
  let stage: Stage;
  before(async () => {
    [browser, stage] = await Promise.all([openBrowser(), openStage()]);
  });
  after(async () => {
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
  });
  /** The board of a first start, whatever an earlier test left. */
  async function fresh(): Promise<Awaited<ReturnType<typeof visit>>> {
    await stage.client.command('saveSetting', { key: 'boards', value: null });
    const room = await visit(browser, stage);
    await room.page.locator('[data-type=fault-velocity]').waitFor();
    return room;
  }

  test('a widget is dragged and sized by mouse; what is in its way makes room, nothing is lost, and a reload keeps it', async () => {
    await using room = await fresh();
    const { page } = room;
    const start = await places(page);
    const column = (await page.locator('[data-type=fault-velocity]').boundingBox())!.width / start['fault-velocity']!.w;
    await drag(page, 'Move Fault velocity', { x: -8 * column, y: 0 });
    const moved = await places(page);
    assert.deepEqual([moved['fault-velocity']!.x, moved['fault-velocity']!.y], [0, 0]);
    assert.ok(moved['topology']!.y >= start['fault-velocity']!.h, 'what stood there went below');
    sound(moved);
    await drag(page, 'Resize Fault velocity', { x: 2 * column, y: 0 });
    const sized = await places(page);
    assert.equal(sized['fault-velocity']!.w, start['fault-velocity']!.w + 2);
    sound(sized);
    assert.deepEqual(Object.keys(sized).sort(), Object.keys(start).sort());
    await kept(stage, (text) => text.includes(`"type":"fault-velocity","x":0,"y":0,"w":${sized['fault-velocity']!.w}`));
    await page.reload();
    await page.locator('[data-type=fault-velocity]').waitFor();
    assert.deepEqual(await places(page), sized);
    room.quiet();
  });

  test('by keyboard: space lifts, arrows move, shift and arrows size, escape puts back; each step is told', async () => {
    await using room = await fresh();
    const { page } = room;
    const start = await places(page);
    const handle = page.getByRole('button', { name: 'Move Fault velocity' });
    const told = (text: string | RegExp): Promise<void> =>
      page.getByRole('status').getByText(text).waitFor({ state: 'attached' });
    await handle.focus();
    await keys(page, 'Space');
    await told(/Fault velocity lifted, at column 9, row 1, 4 columns wide, 5 rows high/);
    await keys(page, 'ArrowLeft');
    await told('Fault velocity: column 8, row 1.');
    await keys(page, 'Escape');
    await told('Fault velocity is back where it was.');
    assert.deepEqual(await places(page), start);
    await keys(page, 'Space', 'Shift+ArrowLeft');
    await told('Fault velocity: 3 columns wide, 5 rows high.');
    await keys(page, 'ArrowDown');
    await keys(page, 'Enter');
    await told(/Fault velocity dropped/);
    const end = await places(page);
    assert.equal(end['fault-velocity']!.w, 3);
    assert.ok(end['fault-velocity']!.y > 0);
    sound(end);
    assert.equal(
      await handle.evaluate((one) => one === one.ownerDocument.activeElement),
      true,
      'the handle keeps the keyboard',
    );
    await keys(page, 'Control+z');
    await page.locator('[data-type=fault-velocity][style*="--x: 9"]').waitFor();
    assert.deepEqual(await places(page), start);
    room.quiet();
  });

  test('a widget is added, written in, removed, brought back with its settings, and expanded, all by keyboard', async () => {
    await using room = await fresh();
    const { page } = room;
    await keys(page, 'b', 'a');
    const choice = page.getByRole('dialog', { name: 'Add a widget' }).getByRole('button', { name: /^Notes/ });
    await choice.focus();
    await keys(page, 'Enter');
    const notes = page.getByRole('textbox', { name: 'Notes' });
    await notes.focus();
    await page.keyboard.type('Ada breaks payments.');
    await keeps(stage, 'Ada breaks payments.');
    const before = await places(page);
    await page.getByRole('button', { name: 'Move Notes' }).focus();
    await keys(page, 'Delete');
    await notes.waitFor({ state: 'detached' });
    const undo = page.getByRole('list', { name: 'Messages' }).getByRole('button', { name: 'Undo' });
    await undo.focus();
    await keys(page, 'Enter');
    await notes.waitFor();
    assert.equal(await notes.inputValue(), 'Ada breaks payments.');
    assert.deepEqual(await places(page), before);
    await page.getByRole('button', { name: 'Move Notes' }).focus();
    await keys(page, 'e');
    const frame = page.locator('[data-type=notes]');
    await page.locator('[data-type=notes][data-expanded]').waitFor();
    assert.ok((await frame.boundingBox())!.width > 1_800);
    assert.equal(
      await page.locator('[data-widget]:not([data-expanded]):not([inert])').count(),
      0,
      'what is hidden has no keyboard',
    );
    await notes.focus();
    await keys(page, 'Escape');
    await page.locator('[data-type=notes]:not([data-expanded])').waitFor();
    assert.deepEqual(await places(page), before);
    room.quiet();
  });

  test('settings come from the schema, say what is wrong in place, and are kept', async () => {
    await using room = await fresh();
    const { page } = room;
    await page.getByRole('button', { name: 'Menu of Fault velocity' }).click();
    await page.getByRole('menuitem', { name: 'Settings' }).click();
    const dialog = page.getByRole('dialog', { name: 'Settings of Fault velocity' });
    await until('the first field has the keyboard', async () =>
      dialog.getByLabel('Targets').evaluate((one) => one === one.ownerDocument.activeElement),
    );
    await page.keyboard.press('Escape');
    const menu = page.getByRole('button', { name: 'Menu of Fault velocity' });
    await until('the menu has the keyboard again', async () =>
      menu.evaluate((one) => one === one.ownerDocument.activeElement),
    );
    await keys(page, 's');
    await dialog.getByLabel('Window').fill('5');
    await dialog.getByText('expected 20 to 120 seconds').waitFor();
    assert.equal(await dialog.getByRole('button', { name: 'Save' }).isDisabled(), true);
    await dialog.getByLabel('Window').fill('60');
    await dialog.getByLabel('Targets').fill('payments\nledger');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await keeps(stage, '"targets":["payments","ledger"],"seconds":60');
    room.quiet();
  });

  test('boards are made, renamed, copied, walked through, deleted and brought back; a restart of the engine keeps them', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'firebreak-boards-'));
    using cleanup = new DisposableStack();
    cleanup.defer(() => rmSync(stateDir, { recursive: true, force: true }));
    let before: unknown;
    {
      await using own = await openStage({ stateDir });
      await using room = await visit(browser, own);
      const { page } = room;
      const shown = (name: string): Promise<void> =>
        page
          .getByRole('navigation', { name: 'Boards' })
          .locator('[aria-current]', { hasText: new RegExp(`^${name}$`) })
          .waitFor();
      await shown('Game day');
      await keys(page, 'b', 'c');
      await shown('Board');
      await page.getByText('This board is empty').waitFor();
      await keys(page, 'b', 'r');
      await page.getByRole('dialog', { name: 'Rename the board' }).getByLabel('Name').fill('Payments');
      await keys(page, 'Enter');
      await shown('Payments');
      await keys(page, 'g', '1');
      await shown('Game day');
      await keys(page, 'b', 'd');
      await shown('Game day 2');
      await keys(page, 'b', 'n');
      await shown('Payments');
      await keys(page, 'b', 'x');
      await shown('Game day 2');
      await page.getByRole('button', { name: 'Undo' }).click();
      await shown('Payments');
      await keys(page, 'b', 'p');
      await shown('Game day 2');
      await kept(own, (text) => /"name":"Game day".*"name":"Game day 2".*"name":"Payments"/.test(text));
      before = await places(page);
      room.quiet();
    }
    await using again = await openStage({ stateDir });
    await using room = await visit(browser, again);
    await room.page.locator('[data-type=fault-velocity]').waitFor();
    assert.deepEqual(
      await room.page.getByRole('navigation', { name: 'Boards' }).getByRole('button').allTextContents(),
      ['Game day', 'Game day 2', 'Payments'],
    );
    assert.deepEqual(await places(room.page), before);
    room.quiet();
  });

  test('a widget that throws shows its error in its frame; the others live on', async () => {
    await using room = await fresh();
    const { page } = room;
    // What only the notes ask of the window.
    await page.evaluate(`{
      const own = window.addEventListener.bind(window);
      window.addEventListener = (type, listener, how) => {
        if (type === 'pagehide' && how === true) throw new Error('broken on purpose');
        own(type, listener, how);
      };
    }`);
    await keys(page, 'b', 'a');
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Notes/ })
      .click();
    await page.locator('[data-type=notes]').getByText('broken on purpose').waitFor();
    assert.equal(await page.locator('[data-type=fault-velocity]').getByText('peak', { exact: true }).count(), 1);
    await page.getByRole('button', { name: 'Menu of Notes' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await page.locator('[data-type=notes]').waitFor({ state: 'detached' });
  });

  test('on a narrow screen widgets stand below each other', async () => {
    await stage.client.command('saveSetting', { key: 'boards', value: null });
    await using room = await visit(browser, stage, { viewport: { width: 800, height: 900 } });
    const { page } = room;
    await page.locator('[data-type=fault-velocity]').waitFor();
    const boxes = await page
      .locator('[data-widget]')
      .evaluateAll((all) =>
        all.map(
          (one) => one.getBoundingClientRect().toJSON() as { left: number; top: number; bottom: number; width: number },
        ),
      );
    assert.equal(new Set(boxes.map(({ left }) => left)).size, 1);
    boxes.slice(1).forEach(({ top }, index) => assert.ok(top >= boxes[index]!.bottom));
    assert.ok(boxes.every(({ width }) => width > 700));
    room.quiet();
  });
});
