import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Browser, type Page } from 'playwright-core';
import { folder } from '../cli/process.ts';
import { type Hand, figure, keyboard, mouse, rate, state, widget } from './hands.ts';
import { NO_CONNECTION } from './hearing.ts';
import { type Served, serve, witness } from './serving.ts';
import { NO_ROOM, openBrowser, until, visit } from './stage.ts';

const places = (page: Page): Promise<string> =>
  page.evaluate<string>(`JSON.stringify([...document.querySelectorAll('[data-widget]')].map(({ dataset, style }) =>
    [dataset.type, ...['--x', '--y', '--w', '--h'].map((name) => style.getPropertyValue(name))]))`);

/** Builds a policy in the form, sees what the engine says of it, plans it and deploys it with a time to live. */
async function breakPayments(page: Page, hand: Hand): Promise<void> {
  await hand.go('Builder');
  await hand.press({ role: 'button', name: 'Start empty' });
  await hand.press({ role: 'button', name: 'Add a policy' });
  await hand.write({ role: 'textbox', name: 'Name' }, 'payments-down');
  await hand.choose({ role: 'combobox', name: /^Type/ }, 'http');
  await hand.write({ role: 'combobox', name: 'Route' }, 'payments');
  await hand.write({ role: 'textbox', name: /^Target/ }, '/charge*');
  await hand.write({ role: 'textbox', name: 'Error chance' }, '0.8');
  await hand.write({ role: 'textbox', name: 'Error code' }, '503');
  const guard = page.getByRole('region', { name: 'Guard and explanation' });
  await guard.getByText(/\/charge\* .*503/).waitFor();
  assert.match(await guard.getByTestId('guard-score').innerText(), /^[1-9]\d*$/);
  await hand.press({ role: 'button', name: /^Plan/ });
  await page.getByText('route payments /charge*').waitFor();
  await page.getByText(/Remove the policy from the wire/).waitFor();
  await hand.write({ role: 'textbox', name: 'Time to live' }, '10m');
  await acceptGuard(page, hand);
  await hand.press({ role: 'button', name: 'Deploy' });
}
/** The guard asks for a tick when it is grave. */
async function acceptGuard(page: Page, hand: Hand): Promise<void> {
  const sure = page.getByRole('checkbox', { name: /I have read why/ });
  if (await sure.isVisible()) await hand.press({ role: 'checkbox', name: /I have read why/ });
}

/** The whole room sees the fault, and HALT ends it. */
async function seeAndHalt(page: Page, hand: Hand, served: Served): Promise<void> {
  await state(page).getByText('Under fault').waitFor();
  await until('velocity rises', async () => (await rate(page)) > 0);
  const row = widget(page, 'blast-radius').getByRole('row', { name: /payments \/charge\*/ });
  await until('the matrix fills', async () => (await figure(row.getByRole('cell').first())) > 0);
  await widget(page, 'topology').locator('[data-state=fault]').filter({ hasText: 'payments-down' }).waitFor();
  await widget(page, 'topology').locator('[data-under-fault]').first().waitFor();
  const injection = widget(page, 'active-injections').getByRole('listitem', { name: /^payments-down on .*: active$/ });
  const left = injection.getByText(/^ends in \d+:\d\d$/);
  const first = await left.innerText();
  await until('its time runs down', async () => (await left.innerText()) !== first);
  await hand.halt();
  const told = page.getByRole('region', { name: 'What HALT did' });
  await told.getByText(/^Halted in [\d.]+ m?s$/).waitFor();
  await told.getByText('clean', { exact: true }).waitFor();
  await state(page).getByText('Halted').waitFor();
  await until(
    'nothing lights up',
    async () => (await widget(page, 'topology').locator('[data-under-fault], [data-state=fault]').count()) === 0,
  );
  using heard = await witness(served);
  assert.deepEqual((await heard.client.query('open', {})).open, []);
}

/** Waits until the shop has served every customer for a while: after an outage its breaker stays open for some seconds. */
async function recovered(served: Served): Promise<void> {
  using heard = await witness(served);
  let [newest, good] = [0, 0];
  for await (const { standing } of heard.client.stream('frames', {})) {
    const sample = standing.find(({ name }) => name === 'checkout')?.sample;
    if (sample == null || sample.seq === newest) continue;
    newest = sample.seq;
    good = sample.ok ? good + 1 : 0;
    if (good === 10) return;
  }
}

/** An experiment of the library, from its start to its end by itself and to its report. */
async function outage(page: Page, hand: Hand): Promise<void> {
  await hand.go('Builder');
  await hand.press({ role: 'button', name: 'New' });
  await hand.press({ role: 'button', name: 'Start from this: payments-outage' });
  await page.getByRole('region', { name: 'Guard and explanation' }).getByText('valid', { exact: true }).waitFor();
  await hand.press({ role: 'button', name: /^Plan/ });
  await page.getByRole('button', { name: 'Run experiment' }).waitFor();
  await acceptGuard(page, hand);
  await hand.press({ role: 'button', name: 'Run experiment' });
  await hand.go('Runs');
  const run = page.getByRole('article', { name: 'Run payments-outage' });
  await run.getByLabel('Abort condition').waitFor();
  const verdict = run.getByLabel('Verdict');
  await verdict.getByText(/^(held|refuted|aborted|inconclusive|failed)$/).waitFor({ timeout: 120_000 });
  assert.match(await verdict.innerText(), /aborted/);
  await run.getByLabel('Verdict').getByText('clean', { exact: true }).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    hand.press({ role: 'button', name: 'Export the report as PDF' }),
  ]);
  assert.equal(
    readFileSync(await download.path())
      .subarray(0, 5)
      .toString(),
    '%PDF-',
  );
}

describe('a game day', { skip: NO_ROOM, timeout: 290_000 }, () => {
  let browser: Browser;
  before(async () => (browser = await openBrowser()));
  after(() => browser?.close());

  for (const handOf of [mouse, keyboard]) {
    test(`by ${handOf.name}: build, plan, deploy, see it, HALT; an experiment that aborts itself; boards that last`, async () => {
      using dir = folder();
      const first = await serve(dir.path, '--demo');
      let stopped = false;
      try {
        await using room = await visit(browser, first, { welcome: true });
        const { page } = room;
        const hand = handOf(page);
        await hand.press({ role: 'button', name: 'Close the welcome' });
        await breakPayments(page, hand);
        await seeAndHalt(page, hand, first);
        await recovered(first);
        await outage(page, hand);

        await hand.go('Board');
        const before = await places(page);
        await hand.move('Fault velocity', { x: -4, y: 0 });
        await until('it stands elsewhere', async () => (await places(page)) !== before);
        const layout = await places(page);
        using heard = await witness(first);
        await until('it is kept', async () =>
          /"type":"fault-velocity","x":4,/.test(
            JSON.stringify((await heard.client.query('setting', { key: 'boards' })).value),
          ),
        );
        await page.reload();
        await widget(page, 'fault-velocity').waitFor();
        assert.equal(await places(page), layout);
        room.quiet();

        await first[Symbol.asyncDispose]();
        stopped = true;
        await page
          .getByRole('alert')
          .getByText(/No word from the engine since/)
          .waitFor();
        await using second = await serve(dir.path, '--demo');
        assert.equal(second.url, first.url);
        await state(page).getByText('Clean').waitFor();
        assert.equal(await places(page), layout);
        await page.reload();
        await widget(page, 'fault-velocity').waitFor();
        assert.equal(await places(page), layout);
        await hand.go('Runs');
        await page.getByRole('navigation', { name: 'Runs' }).getByText('aborted').waitFor();
        room.quiet(NO_CONNECTION);
      } finally {
        if (!stopped) await first[Symbol.asyncDispose]();
      }
    });
  }
});
