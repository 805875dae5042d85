import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { type Browser, type Page } from 'playwright-core';
import { LAPTOP, NO_ROOM, openBrowser, openStage, type Stage, until, visit } from './stage.ts';

/** The text of the builder: broken, dropped, large, and brought back after a reload; and whether all of it can be used by everybody. */

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

async function openBuilder(viewport = { width: 1920, height: 1080 }) {
  await stage.client.command('saveSetting', { key: 'draft', value: null });
  const guest = await visit(browser, stage, { viewport });
  await guest.page.evaluate(() => void (location.hash = '/builder'));
  await guest.page.getByRole('tab', { name: 'Form' }).waitFor();
  return guest;
}
/** Drops a file on the editor, as a person drags one in. */
async function drop(page: Page, name: string, text: string): Promise<void> {
  await page.evaluate(
    ([fileName = '', content = '']) => {
      const data = new DataTransfer();
      data.items.add(new File([content], fileName));
      const at = document.querySelector('.cm-content');
      for (const type of ['dragenter', 'dragover', 'drop'])
        at?.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    },
    [name, text],
  );
}
const fileName = (page: Page) => page.getByRole('textbox', { name: 'Name of the file' });
const opened = (page: Page, name: string): Promise<void> =>
  until(`${name} is open`, async () => (await fileName(page).inputValue()) === name);
async function draft(): Promise<{ readonly text: string; readonly unsaved: boolean; readonly pieces: number }> {
  const { value } = await stage.client.query('setting', { key: 'draft' });
  return { text: '', unsaved: false, pieces: 0, ...(value as object | null) };
}

const GOOD =
  '# top\nversion: 1\nname: good   # beside\npolicies:\n  - name: slow\n    type: http\n    target: /x\n    latencyChance: 0.5 # camel\n    latencyDuration: 1s\n';

test(
  'a text that cannot be read leaves the form at its last state, loses nothing, and one undo mends it',
  options,
  async () => {
    await using guest = await openBuilder();
    const { page } = guest;
    await drop(page, 'good.yaml', GOOD);
    await opened(page, 'good.yaml');
    await page.getByRole('navigation', { name: 'What the file holds' }).getByRole('button', { name: /^slow/ }).click();
    await page.locator('.cm-line', { hasText: 'latencyDuration' }).click();
    await page.keyboard.press('End');
    await page.keyboard.type('\nerror_body: "never closed');
    // The editor closes the quote by itself; without it the text is broken.
    await page.keyboard.press('Delete');
    await page.getByText('The form rests at the last text that could be read.').waitFor();
    assert.ok(await page.getByRole('textbox', { name: 'Name', exact: true }).isDisabled());
    assert.equal(await page.getByRole('textbox', { name: 'Name', exact: true }).inputValue(), 'slow');
    await until('the broken text is kept', async () => (await draft()).text.includes('never closed'));
    await page.reload();
    await page.getByText('The form rests at the last text that could be read.').waitFor();
    await until('the broken text is back', async () =>
      (await page.locator('.cm-content').innerText()).includes('never closed'),
    );
    await page.locator('.cm-line', { hasText: 'never closed' }).click();
    await page.keyboard.press('End');
    await page.keyboard.type('"');
    await page.getByText('The form rests at the last text that could be read.').waitFor({ state: 'detached' });
    await page.getByRole('navigation', { name: 'What the file holds' }).getByRole('button', { name: /^slow/ }).click();
    await page.getByRole('textbox', { name: 'Latency chance', exact: true }).fill('0.25');
    await until('the spelling of the file stays', async () =>
      (await draft()).text.includes('    latencyChance: 0.25 # camel\n'),
    );
    assert.ok((await draft()).text.startsWith('# top\nversion: 1\nname: good   # beside\n'));
    guest.quiet();
  },
);

test(
  'a file that is dropped is opened, what would be lost is kept, and one that is too large is refused in words',
  options,
  async () => {
    await using guest = await openBuilder(LAPTOP);
    const { page } = guest;
    await drop(page, 'windows.yaml', `\uFEFF${GOOD.replaceAll('\n', '\r\n')}`);
    await opened(page, 'windows.yaml');
    await page.locator('.cm-content').click();
    await page.keyboard.press('Control+Home');
    await page.keyboard.type('# not saved yet');
    await page.keyboard.press('Enter');
    await until('it is known as not saved', async () => (await draft()).unsaved);
    await drop(page, 'other.yaml', 'version: 1\nname: other\n');
    await page.getByText('The text before is kept').waitFor();
    await opened(page, 'other.yaml');
    const [newest] = await stage.client.query('versions', { limit: 1 });
    assert.ok(newest !== undefined && newest.why === 'saved');
    const kept = await stage.client.query('version', { id: newest.id });
    assert.equal(kept?.text, `# not saved yet\n${GOOD}`);
    await drop(page, 'picture.yaml', 'a\u0000b');
    await page.getByText('picture.yaml is no text').waitFor();
    await drop(page, 'over.yaml', 'x'.repeat(5 * 1024 * 1024 + 1));
    await page.getByText('over.yaml is too large').waitFor();
    assert.equal(await fileName(page).inputValue(), 'other.yaml', 'what was open stays');
    guest.quiet();
  },
);

test('saving writes the file as it was: line ends and byte order mark', options, async () => {
  await using guest = await openBuilder();
  const { page } = guest;
  await page.evaluate(() => Object.assign(window, { showSaveFilePicker: undefined, showOpenFilePicker: undefined }));
  const content = `\uFEFF${GOOD.replaceAll('\n', '\r\n')}`;
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await (await choosing).setFiles({ name: 'mine.yaml', mimeType: 'application/yaml', buffer: Buffer.from(content) });
  await opened(page, 'mine.yaml');
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as …' }).click();
  const download = await downloading;
  assert.equal(download.suggestedFilename(), 'mine.yaml');
  assert.equal(readFileSync(await download.path(), 'utf8'), content);
  guest.quiet();
});

test('1,024 policies can be worked on, and 5 MiB do not freeze the page', options, async () => {
  await using guest = await openBuilder();
  const { page } = guest;
  const policy = (index: number): string =>
    `  - name: slow-${index}   # note ${index}\n    type: http\n    target: /charge${index}*\n    latency_chance: 0.5\n    latency_duration: 500ms\n`;
  const many = `version: 1\npolicies:\n${Array.from({ length: 1_024 }, (_, index) => policy(index)).join('')}`;
  await page.evaluate(() => {
    const longest = { ms: 0 };
    Object.assign(window, { longest });
    new PerformanceObserver((list) =>
      list.getEntries().forEach(({ duration }) => (longest.ms = Math.max(longest.ms, duration))),
    ).observe({ type: 'longtask' });
  });
  const longest = (): Promise<number> =>
    page.evaluate(() => (window as unknown as { longest: { ms: number } }).longest.ms);
  await drop(page, 'many.yaml', many);
  const outline = page.getByRole('navigation', { name: 'What the file holds' });
  await outline.getByRole('button', { name: /^slow-3 / }).click();
  assert.ok((await outline.getByRole('listitem').count()) < 100, 'only what is seen is drawn');
  await page.getByRole('textbox', { name: 'Target' }).click();
  await page.keyboard.press('End');
  await page.keyboard.type('-and-more');
  await page.locator('.cm-line', { hasText: 'target: /charge3*-and-more' }).waitFor();
  await page.getByRole('region', { name: 'Guard and explanation' }).getByText('to /charge3*-and-more wait').waitFor();
  await until('the long draft is kept', async () => (await draft()).pieces > 1);
  await page.reload();
  await outline.getByRole('button', { name: /^slow-3 / }).click();
  await until(
    'the long draft is back',
    async () => (await page.getByRole('textbox', { name: 'Target' }).inputValue()) === '/charge3*-and-more',
  );

  const huge = many + `# ${'x'.repeat(97)}\n`.repeat(Math.floor((5 * 1024 * 1024 - many.length) / 100));
  await page.evaluate(() => {
    const longest = { ms: 0 };
    Object.assign(window, { longest });
    new PerformanceObserver((list) =>
      list.getEntries().forEach(({ duration }) => (longest.ms = Math.max(longest.ms, duration))),
    ).observe({ type: 'longtask' });
  });
  await drop(page, 'huge.yaml', huge);
  await page.getByText('This file is too large for the form').waitFor();
  await page.getByRole('region', { name: 'Guard and explanation' }).getByText('valid', { exact: true }).waitFor();
  const worst = await longest();
  // A page that reads 5 MiB of YAML at once stands for 4 s on a free core.
  assert.ok(worst < 3_000, `the page stood for ${worst} ms`);
  guest.quiet();
});

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
test('axe finds nothing serious in any state of the builder, dark and light', options, async () => {
  await using guest = await openBuilder(LAPTOP);
  const { page } = guest;
  // Colours that still change are not those that people see.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const audit = async (state: string): Promise<void> => {
    for (const theme of ['dark', 'light']) {
      await page.evaluate((name) => void (document.documentElement.dataset['theme'] = name), theme);
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      await until('no colour changes any more', () => page.evaluate(() => document.getAnimations().length === 0));
      await page.evaluate(AXE);
      const found = await page.evaluate(async () => {
        const { axe } = window as unknown as {
          axe: {
            run(root: Element): Promise<{
              violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
            }>;
          };
        };
        const { violations } = await axe.run(document.querySelector('main') as Element);
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
      });
      assert.deepEqual(found, [], `${state}, ${theme}`);
    }
  };
  await page.getByRole('heading', { name: 'Empty file' }).waitFor();
  await page
    .getByRole('button', { name: /^Start from this/ })
    .first()
    .waitFor();
  await audit('library');
  await drop(page, 'wrong.yaml', GOOD.replace('0.5', '7'));
  await page.getByRole('heading', { name: 'One error' }).waitFor();
  await page.getByRole('navigation', { name: 'What the file holds' }).getByRole('button', { name: /^slow/ }).click();
  await audit('errors');
  await drop(page, 'burn.yaml', 'version: 1\npolicies:\n  - { name: burn, type: resource, cpu_load: 1 }\n');
  await opened(page, 'burn.yaml');
  await page.keyboard.press('Control+Enter');
  const tick = page.getByRole('checkbox', { name: /I have read why the guard says/ });
  await tick.waitFor();
  assert.ok(await page.getByRole('button', { name: 'Deploy' }).isDisabled(), 'a grave file needs a tick');
  await audit('plan');
  await stage.client.command('saveVersion', { text: GOOD, file: 'good.yaml' });
  await page.getByRole('tab', { name: 'Versions' }).click();
  await page.getByRole('list', { name: 'Versions, newest first' }).getByRole('button').first().click();
  await page.getByText('What returning to it would change').waitFor();
  await audit('versions');
  guest.quiet();
});
