import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Browser } from 'playwright-core';
import { type RunOverrides } from '../../engine/contract/api.ts';
import { NO_ROOM, type Stage, openBrowser, openStage, visit } from './stage.ts';

const textOf = (name: string): string =>
  readFileSync(new URL(`../../assets/experiments/${name}.yaml`, import.meta.url), 'utf8');

describe('the runs', { skip: NO_ROOM }, () => {
  let browser: Browser;
  let stage: Stage;
  const start = async (name: string, overrides: RunOverrides): Promise<string> => {
    const { routes } = await stage.client.query('status', {});
    return (
      await stage.client.command('run', {
        text: textOf(name),
        file: `${name}.yaml`,
        overrides: { baselineMs: 500, recoveryMs: 2_000, ...overrides },
        routes,
      })
    ).run;
  };
  before(async () => {
    [browser, stage] = await Promise.all([openBrowser(), openStage({ demo: true })]);
  });
  after(async () => {
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
  });

  test('without a run the view says how to get one', async () => {
    await using room = await visit(browser, stage);
    await room.page.keyboard.type('gr');
    await room.page.getByText('Start an experiment in the builder').waitFor();
    room.quiet();
  });

  test('a run is watched live, aborted by a key, and kept in the list with its verdict and its proof', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    const run = await start('slow-payments', { durationMs: 600_000 });
    await page.keyboard.type('gr');
    const shown = page.getByRole('article', { name: 'Run slow-payments' });
    await shown.getByRole('listitem').filter({ hasText: 'Observe' }).getByText(/left$/).waitFor();
    await shown.getByLabel('Abort condition').getByText('from the limit').waitFor();
    // What was delivered is measured, not copied from what was asked.
    await shown.getByText(/latency: 500 ms → [\d.]+ m?s/).waitFor();
    await page.keyboard.press('x');
    await shown.getByLabel('Verdict').getByText('aborted', { exact: true }).waitFor();
    await shown.getByText('equal').waitFor();
    assert.equal((await stage.client.query('outcome', { run })).reverted, true);
    await page.getByRole('navigation', { name: 'Runs' }).getByText('aborted').waitFor();
    room.quiet();
  });

  test('a report is exported, a run repeated with its seed, and two runs are compared', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    await page.keyboard.type('gr');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export the report as PDF' }).click(),
    ]);
    assert.match(download.suggestedFilename(), /\.pdf$/);
    assert.equal(
      readFileSync(await download.path())
        .subarray(0, 5)
        .toString(),
      '%PDF-',
    );

    const [first] = await stage.client.query('history', { limit: 1 });
    assert.ok(first !== undefined);
    // The length is the record's: the whole ten minutes of it. It is aborted once it is seen to be under way.
    await page.keyboard.type('ra');
    await page.getByRole('button', { name: 'Abort', exact: true }).click();
    await page.getByLabel('Verdict').getByText('aborted', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Run again' }).waitFor();
    const [again] = await stage.client.query('history', { limit: 1 });
    assert.notEqual(again?.run, first.run);
    const seeds = await Promise.all(
      [first.run, again?.run ?? ''].map(async (run) => (await stage.client.query('record', { run }))?.seed),
    );
    assert.deepEqual(seeds, [42, 42]);

    await page.getByLabel('Compare with').selectOption(first.run);
    await page
      .getByRole('article', { name: 'Two runs compared' })
      .getByRole('row', { name: /^Seed 42 42 same/ })
      .waitFor();
    await page.reload();
    await page.getByRole('article', { name: 'Two runs compared' }).waitFor();
    room.quiet();
  });

  test('a run that nobody knows is said to be unknown', async () => {
    await using room = await visit(browser, stage);
    await room.page.evaluate("location.hash = '/runs/r-nothing'");
    await room.page.getByText('History does not know a run r-nothing.').waitFor();
    room.quiet();
  });
});
