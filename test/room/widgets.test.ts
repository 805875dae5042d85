import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { type Browser, type Locator, type Page } from 'playwright-core';
import { NO_ROOM, type Stage, openBrowser, openStage, until, visit } from './stage.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What axe finds of serious or critical faults on the board, or in the dialog above it, as text. */
async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate<
    string[]
  >(`axe.run(document.querySelector('[role=dialog]') ?? document.querySelector('main'), { resultTypes: ['violations'] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 200)).join(' | ')))`);
}
/** The room, with the board drawn. */
async function board(browser: Browser, stage: Stage): Promise<Awaited<ReturnType<typeof visit>>> {
  const room = await visit(browser, stage);
  await widget(room.page, 'fault-velocity').waitFor();
  return room;
}
const widget = (page: Page, type: string): Locator => page.locator(`[data-type=${type}]`);

const SLOW = `version: 1
name: slow-payments
policies:
  - { name: slow, type: http, route: payments, target: /charge*, latency_chance: 1, latency_duration: 300ms }
`;
const EXPERIMENT = `${SLOW}experiment:
  hypothesis: Checkout goes on.
  duration: 60s
  baseline: 500ms
  steady_state:
    - { name: front, probe: { type: http, url: "route://storefront/checkout", every: 200ms, window: 5s }, expect: success_rate >= 0.5 && p95 < 5000 }
  abort: { when: success_rate < 0.1, for: 30s }
`;

describe('the widgets of the board, over the demo shop', { skip: NO_ROOM }, () => {
  let browser: Browser;
  let stage: Stage;
  before(async () => {
    [browser, stage] = await Promise.all([openBrowser(), openStage({ demo: true })]);
  });
  after(async () => {
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
  });

  test('a fault is seen on velocity, matrix and list; it is stopped alone, stays a while as clean, and is gone', async () => {
    await using room = await board(browser, stage);
    const { page } = room;
    await widget(page, 'active-injections').getByText('Nothing is injected').waitFor();
    const { routes } = await stage.client.query('status', {});
    const { run } = await stage.client.command('apply', { text: SLOW, ttlMs: 120_000, routes });
    const fault = widget(page, 'active-injections').getByRole('listitem', { name: /^slow on .*: active$/ });
    await fault.getByText(/^ends in [12]:\d\d$/).waitFor();
    await fault.getByText(/of 300 ms/).waitFor();
    const row = widget(page, 'blast-radius').getByRole('row', { name: /payments/ });
    await until(
      'the matrix fills',
      async () => Number((await row.getByRole('cell').nth(1).textContent())?.replace(/\D/g, '')) > 3,
    );
    assert.equal(await row.getAttribute('data-active'), '');
    await widget(page, 'fault-velocity')
      .getByText(/^rising|↑ rising$/)
      .waitFor();
    await widget(page, 'fault-velocity')
      .getByRole('list', { name: 'By target' })
      .getByText(/payments/)
      .waitFor();
    assert.deepEqual(await faultsOf(page), []);
    await fault.getByRole('button', { name: /^Stop/ }).click();
    await widget(page, 'active-injections')
      .getByRole('listitem', { name: /^slow on .*: clean$/ })
      .waitFor();
    assert.equal((await stage.client.query('released', { run })).reverted, true);
    assert.deepEqual((await stage.client.query('open', {})).open, []);
    await widget(page, 'active-injections').getByText('Nothing is injected').waitFor();
    room.quiet();
  });

  test('a run is seen with its phases, its abort line and its steady state, and is told how it ended', async () => {
    await using room = await board(browser, stage);
    const { page } = room;
    const { routes } = await stage.client.query('status', {});
    const { run } = await stage.client.command('run', { text: EXPERIMENT, routes });
    const timeline = widget(page, 'run-timeline');
    await timeline.getByText('Observe', { exact: true }).first().waitFor();
    await timeline.getByText(/^0:\d\d left$/).waitFor();
    await timeline.getByText(/Aborts when success rate < 10.0 %/).waitFor();
    await timeline.getByText(/points away$/).waitFor();
    const check = widget(page, 'steady-state').getByRole('listitem').filter({ hasText: 'front' });
    await check.getByText('holds').waitFor();
    await check.getByText('≥ 50.0 %').waitFor();
    await widget(page, 'active-injections')
      .getByText(/^ends in 0:\d\d$/)
      .first()
      .waitFor();
    await stage.client.command('abort', { run, why: 'the test has seen enough' });
    const { reverted } = await stage.client.query('outcome', { run });
    assert.equal(reverted, true);
    await timeline.getByText('aborted', { exact: true }).first().waitFor();
    await timeline
      .getByText(/the test has seen enough/)
      .first()
      .waitFor();
    room.quiet();
  });

  test('Apdex is explained, and a probe is refused in place, added, removed and brought back', async () => {
    await using room = await board(browser, stage);
    const { page } = room;
    const apdex = widget(page, 'apdex');
    await apdex
      .getByRole('article', { name: 'Apdex of checkout' })
      .getByText(/Excellent|Good|Fair|Poor|Unacceptable/)
      .waitFor();
    await apdex.getByRole('button', { name: 'What is Apdex?' }).click();
    await page.getByRole('dialog', { name: 'What is Apdex?' }).getByText('frustrated', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await apdex.getByRole('button', { name: 'Add probe' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add a probe' });
    await dialog.getByRole('button', { name: 'Add probe' }).click();
    await dialog.getByText('expected a name').waitFor();
    await dialog.getByLabel('Name').fill('ledger');
    await dialog.getByLabel('Address').fill('route://ledger/health');
    await dialog.getByLabel('Every').fill('often');
    await dialog.getByLabel('Expect').fill('success_rate >=');
    await dialog.getByRole('button', { name: 'Add probe' }).click();
    await dialog.getByRole('alert').first().waitFor();
    await dialog.getByLabel('Every').fill('300ms');
    await dialog.getByRole('button', { name: 'Add probe' }).click();
    await until(
      'the bad expectation is told',
      async () => (await dialog.getByLabel('Expect').getAttribute('aria-invalid')) === 'true',
    );
    await dialog.getByLabel('Expect').fill('success_rate >= 0');
    assert.deepEqual(await faultsOf(page), []);
    await dialog.getByRole('button', { name: 'Add probe' }).click();
    await dialog.waitFor({ state: 'detached' });
    const card = apdex.getByRole('article', { name: 'Apdex of ledger' });
    await card.waitFor();
    await widget(page, 'steady-state').getByRole('listitem').filter({ hasText: 'ledger' }).getByText('holds').waitFor();
    await card.getByRole('button', { name: 'Remove the probe ledger' }).click();
    await card.waitFor({ state: 'detached' });
    assert.deepEqual(
      (await stage.client.query('probes', {})).map(({ name }) => name),
      ['checkout'],
    );
    await page.getByRole('button', { name: 'Undo' }).click();
    await card.waitFor();
    assert.deepEqual(
      (await stage.client.query('probes', {})).map(({ name, expect }) => [name, expect]),
      [
        ['checkout', ''],
        ['ledger', 'success_rate >= 0'],
      ],
    );
    await stage.client.command('stopProbe', { name: 'ledger' });
    room.quiet();
  });

  test("metrics draw this engine's counters, and say in its own words what a server refuses", async () => {
    await using room = await board(browser, stage);
    const { page } = room;
    await page.keyboard.press('b');
    await page.keyboard.press('a');
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Metrics/ })
      .click();
    const metrics = widget(page, 'metrics');
    await metrics.getByText('route=storefront').waitFor();
    await until(
      'a rate is drawn',
      async () =>
        Number(
          await metrics.getByRole('listitem').filter({ hasText: 'route=storefront' }).locator('strong').textContent(),
        ) > 0,
    );
    await metrics.getByRole('button', { name: 'Menu of Metrics' }).click();
    await page.getByRole('menuitem', { name: 'Settings' }).click();
    await page.getByRole('dialog').getByLabel('Query').fill('no_such_metric');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await metrics
      .getByRole('alert')
      .getByText(/has no metric no_such_metric/)
      .waitFor();
    await metrics.getByRole('button', { name: 'Menu of Metrics' }).click();
    await page.getByRole('menuitem', { name: 'Settings' }).click();
    await page.getByRole('dialog').getByLabel('Prometheus server').fill('http://127.0.0.1:9');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await metrics
      .getByRole('alert')
      .getByText(/ECONNREFUSED|refused|answer/i)
      .waitFor();
    room.quiet();
  });

  test('in light and in presenter mode the board has no serious fault of accessibility', async () => {
    await using room = await board(browser, stage);
    const { page } = room;
    await page.keyboard.press('v');
    await page.keyboard.press('t');
    await page.locator('html[data-theme=light]').waitFor();
    assert.deepEqual(await faultsOf(page), []);
    await page.keyboard.press('v');
    await page.keyboard.press('p');
    await page.locator('html[data-presenter]').waitFor();
    assert.deepEqual(await faultsOf(page), []);
    room.quiet();
  });
});
