import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Browser, type Page } from 'playwright-core';
import { NO_ROOM, openBrowser, openStage, type Stage, until, type Visit, visit } from './stage.ts';

/** The builder in a real browser over a real engine with the demo shop. */

let browser: Browser & AsyncDisposable;
let stage: Stage;
before(async () => {
  if (NO_ROOM !== false) return;
  browser = await openBrowser();
  stage = await openStage({ demo: true });
});
after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

const options = { skip: NO_ROOM, timeout: 180_000 };

/** The builder with an empty bench. */
async function openBuilder(): Promise<Visit> {
  await stage.client.command('saveSetting', { key: 'draft', value: null });
  const guest = await visit(browser, stage);
  await guest.page.evaluate(() => void (location.hash = '/builder'));
  await guest.page.getByRole('tab', { name: 'Form' }).waitFor();
  return guest;
}
/** The text of the builder, as the engine keeps it. */
async function keptText(): Promise<string> {
  const { value } = await stage.client.query('setting', { key: 'draft' });
  return (value as { text?: string } | null)?.text ?? '';
}
async function keeps(what: string, part: string): Promise<void> {
  let text = '';
  await until(what, async () => (text = await keptText()).includes(part)).catch((error: unknown) =>
    assert.fail(`${String(error)}\n${part}\n--- is not in\n${text}`),
  );
}
const outline = (page: Page, name: RegExp | string) =>
  page.getByRole('navigation', { name: 'What the file holds' }).getByRole('button', { name });
const guard = (page: Page) => page.getByRole('region', { name: 'Guard and explanation' });
/** Fails while anything of a fault is left. */
async function clean(): Promise<void> {
  await until('everything put back', async () => {
    const { faults } = await stage.client.query('status', {});
    const { open } = await stage.client.query('open', {});
    return open.length === 0 && faults.every(({ state }) => state === 'clean');
  });
}

test('what is added on an empty file is shown by its form at once', options, async () => {
  await using guest = await openBuilder();
  const { page } = guest;
  await page.getByRole('button', { name: 'Start empty' }).waitFor();
  await outline(page, 'Add a policy').click();
  await page.getByRole('combobox', { name: /^Type/ }).waitFor();
});

test(
  'by mouse: build a policy by its form, plan, deploy, stop, and return to an earlier version',
  options,
  async () => {
    await using guest = await openBuilder();
    const { page } = guest;
    await page.getByRole('button', { name: 'Start empty' }).click();
    await outline(page, 'Add a policy').click();
    await page.getByLabel('Name', { exact: true }).fill('slow-charge');
    await page.getByRole('combobox', { name: /^Type/ }).selectOption('http');
    await page.getByRole('combobox', { name: 'Route', exact: true }).fill('payments');
    await page.getByLabel(/^Target/).fill('/charge*');
    await page.getByLabel('Latency chance', { exact: true }).fill('0.5');
    await page.getByLabel('Latency duration', { exact: true }).fill('300');
    await page.getByLabel('New name in Match headers').fill('x-canary');
    await page.getByLabel('New value in Match headers').fill('true');
    await page.getByRole('button', { name: 'Add to Match headers' }).click();
    const wanted =
      '  - name: slow-charge\n    type: http\n    route: payments\n    target: /charge*\n    latency_chance: 0.5\n    latency_duration: 300ms\n    match_headers:\n      x-canary: "true"\n';
    await keeps('the text has what the form says', wanted);
    assert.ok((await keptText()).startsWith('# What does this file do'), 'the comment stays');
    await page.getByRole('button', { name: 'Remove x-canary' }).click();
    await page.getByLabel('Error body').fill('{"sorry": true}\nsecond line');
    await keeps('several lines', '    error_body: |-\n      {"sorry": true}\n      second line\n');
    await page.getByRole('button', { name: 'Undo' }).click();

    // What is wrong stands beside the field, in the text, and below.
    await page.getByLabel('Latency chance', { exact: true }).fill('3');
    await page
      .getByRole('button', { name: /expected a number from 0 to 1, found 3/ })
      .first()
      .waitFor();
    await page.locator('.cm-lintRange-error').filter({ hasText: '3' }).waitFor();
    await guard(page).getByText('One error').waitFor();
    await page.getByLabel('Latency chance', { exact: true }).fill('1');
    await guard(page).getByText('Every request to /charge* waits 300ms before it goes on.').waitFor();
    assert.match(await guard(page).getByTestId('guard-score').innerText(), /^\d+$/);
    await guard(page).getByText('SAFE').waitFor();

    await page.getByRole('button', { name: /^Plan/ }).click();
    await page.getByText('route payments /charge*').waitFor();
    await page.getByText(/Remove the policy from the wire/).waitFor();
    await page.getByText(/The file names no routes; those of this engine are used/).waitFor();
    await page.getByLabel('Time to live').fill('50 minutes');
    assert.ok(await page.getByRole('button', { name: 'Deploy' }).isDisabled(), 'no deployment without a time');
    await page.getByLabel('Time to live').fill('10m');
    await page.getByRole('button', { name: 'Deploy' }).click();
    await page
      .getByText(/is deployed/)
      .first()
      .waitFor();
    await until('the board is shown', () => page.url().includes('board'));
    await until('the fault is active', async () =>
      (await stage.client.query('status', {})).faults.some(({ state }) => state === 'active'),
    );

    await page.reload();
    await page.evaluate(() => void (location.hash = '/builder'));
    await page.getByText(/is deployed from here/).waitFor();
    await page.getByRole('button', { name: 'Stop and put back' }).click();
    await page.getByText(/is deployed from here/).waitFor({ state: 'detached' });
    await clean();

    const deployed = await keptText();
    await outline(page, /slow-charge/).click();
    await page.getByLabel('Latency duration', { exact: true }).fill('700');
    await keeps('another text', 'latency_duration: 700ms');
    await page.getByRole('tab', { name: 'Versions' }).click();
    await page
      .getByRole('list', { name: 'Versions, newest first' })
      .getByRole('button')
      .filter({ hasText: 'deployed' })
      .first()
      .click();
    await page
      .getByText('added: latency_duration: 300ms', { exact: false })
      .or(page.locator('[data-kind="new"]', { hasText: 'latency_duration: 300ms' }))
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Return to this version' }).click();
    await until('the earlier text is back', async () => (await keptText()) === deployed);
    guest.quiet();
  },
);

test('by keyboard alone: from the library to a deployment and back', options, async () => {
  await using guest = await openBuilder();
  const { page } = guest;
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };
  /** Goes on with Tab until the focus is where it is wanted. */
  const tabTo = async (what: string, key = 'Tab'): Promise<void> => {
    for (let count = 0; count < 150; count++) {
      const focused = await page.evaluate(() => {
        const { activeElement: one } = document;
        const label =
          one instanceof HTMLInputElement || one instanceof HTMLSelectElement || one instanceof HTMLTextAreaElement
            ? one.labels?.[0]?.innerText
            : undefined;
        return one?.getAttribute('aria-label') ?? label ?? (one as HTMLElement | null)?.innerText ?? '';
      });
      if (focused.replace(/\s+/g, ' ').startsWith(what)) return;
      await press(key);
    }
    assert.fail(`Tab does not come to ${what}`);
  };
  await press('p', 'n');
  await page.getByRole('button', { name: 'Start from this: payments-outage' }).waitFor();
  await tabTo('Start from this: payments-outage');
  await press('Enter');
  await guard(page).getByTestId('guard-score').waitFor();
  await press('Escape');
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await press('p', 'a');
  await outline(page, /new-policy/).waitFor();
  await press('p', 'f');
  await tabTo('Target');
  await press('Control+a');
  await page.keyboard.type('/refund*');
  await tabTo('Latency chance');
  await press('End');
  await keeps('the slider', 'latency_chance: 1\n');
  await tabTo('Latency duration');
  await page.keyboard.type('150');
  await keeps('the new policy', '    target: /refund*\n    latency_chance: 1\n    latency_duration: 150ms\n');
  assert.ok((await keptText()).includes('# A short window sees a breach sooner'), 'comments stay');
  await press('Control+z');
  await until('undo from the form', async () => !(await keptText()).includes('latency_duration: 150ms'));
  await press('Control+Shift+z');
  await keeps('redo', 'latency_duration: 150ms');

  // The text, with completion, and out of it again: Tab is not caught.
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await press('p', 'e');
  await press('Control+End');
  await page.keyboard.type('warm');
  await page.locator('.cm-tooltip-autocomplete').getByText('warmup_duration').waitFor();
  // The editor takes no Enter for a list that has just come (75 ms), lest one that was meant for the text is caught.
  const shown = await page.evaluate(() => performance.now());
  await page.waitForFunction((since) => performance.now() > since + 200, shown);
  await press('Enter');
  await page.keyboard.type('1s');
  await keeps('completion', 'warmup_duration: 1s');
  await press('Escape', 'Tab');
  assert.equal(
    await page.evaluate(() => document.activeElement?.closest('.cm-editor') === null),
    true,
    'Esc, Tab leaves the editor',
  );

  await press('Control+Enter');
  await page.getByRole('button', { name: 'Deploy' }).waitFor();
  await tabTo('Time to live');
  await press('Control+a');
  await page.keyboard.type('10m');
  await press('Control+Shift+Enter');
  await until('the board is shown', () => page.url().includes('board'));
  await until(
    'both faults are active',
    async () => (await stage.client.query('status', {})).faults.filter(({ state }) => state === 'active').length === 2,
  );
  await press('g', 'p');
  await page.getByText(/is deployed from here/).waitFor();
  await tabTo('Stop and put back');
  await press('Enter');
  await page.getByText(/is deployed from here/).waitFor({ state: 'detached' });
  await clean();
  guest.quiet();
});
