import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Browser, type Page } from 'playwright-core';
import { barriersOf, faultsOf, picture, settled, shiftsOf } from './looks/check.ts';
import { DESKTOP, LAPTOP, NO_ROOM, type Stage, openBrowser, openStage, until, visit } from './stage.ts';

const KEPT = fileURLToPath(new URL('../../reports/looks/', import.meta.url));
const textOf = (name: string): string =>
  readFileSync(new URL(`../../assets/experiments/${name}.yaml`, import.meta.url), 'utf8');

/** A shift of the layout while one only looks: less than this adds up over the time watched (Web Vitals calls 0.1 good). */
const MOST_SHIFT = 0.02;
const WATCHED = 3_000;

describe('how it looks over the real engine and the demo', { skip: NO_ROOM }, () => {
  let browser: Browser;
  let stage: Stage;
  const show = async (page: Page, at: string): Promise<void> => void (await page.evaluate(`location.hash = '/${at}'`));
  /** Fails with all that is broken about the screen, in both sizes. */
  const sound = async (page: Page, what: string): Promise<void> => {
    for (const [size, viewport] of [
      ['wide', DESKTOP],
      ['laptop', LAPTOP],
    ] as const) {
      await page.setViewportSize(viewport);
      const found = await faultsOf(page);
      assert.deepEqual(found, [], `${what}, ${size}`);
    }
    assert.deepEqual(await barriersOf(page), [], what);
  };
  before(async () => {
    [browser, stage] = await Promise.all([openBrowser(), openStage({ demo: true })]);
  });
  after(async () => {
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
  });

  test('the board under a real fault: nothing cut, nothing over another, nothing jumps while figures flow', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    const { routes } = await stage.client.query('status', {});
    const { run } = await stage.client.command('run', {
      text: textOf('slow-payments'),
      file: 'slow-payments.yaml',
      overrides: { baselineMs: 1_000, durationMs: 120_000, recoveryMs: 2_000 },
      routes,
    });
    await page
      .locator('[data-type=active-injections]')
      .getByText(/of 500 ms/)
      .waitFor();
    await page
      .locator('[data-type=blast-radius]')
      .getByRole('row', { name: /payments/ })
      .waitFor();
    await until(
      'the fault has bitten for a while',
      async () => Number((await stage.client.query('status', {})).faults[0]?.effect.figures[0]?.samples ?? 0) > 60,
    );
    const { sum, places } = await shiftsOf(page, WATCHED);
    assert.ok(sum < MOST_SHIFT, `the layout shifted by ${sum.toFixed(4)}: ${places.join('; ')}`);
    if (process.env['LOOKS_KEEP'] === '1') {
      mkdirSync(KEPT, { recursive: true });
      writeFileSync(`${KEPT}room.png`, await picture(page));
    }
    await sound(page, 'the board under a fault');

    await show(page, `runs/${run}`);
    await page.getByText('The verdict is given at the end.').waitFor();
    const live = await shiftsOf(page, WATCHED);
    assert.ok(live.sum < MOST_SHIFT, `the run under way shifted by ${live.sum.toFixed(4)}: ${live.places.join('; ')}`);
    await sound(page, 'a run under way');

    await page.keyboard.press('F8');
    await page.getByText(/^Halted in/).waitFor();
    await sound(page, 'what HALT did');
    assert.equal((await stage.client.query('outcome', { run })).reverted, true);
    room.quiet();
  });

  test('the other views, and the dialogs over them', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    for (const [at, shown] of [
      ['builder', 'YAML'],
      ['machine', 'history and undo journal'],
      ['runs', 'aborted'],
    ] as const) {
      await show(page, at);
      await page.getByText(shown).first().waitFor();
      await settled(page);
      await sound(page, at);
    }
    for (const keys of [['Control+k'], ['?']]) {
      for (const key of keys) await page.keyboard.press(key);
      await page.getByRole('dialog').waitFor();
      await sound(page, `the dialog of ${keys.join(' ')}`);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
    room.quiet();
  });
});
