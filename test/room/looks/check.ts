import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import pixelmatch from 'pixelmatch';
import { type Page } from 'playwright-core';
import { PNG } from 'pngjs';

const IN_PAGE = readFileSync(new URL('./in-page.js', import.meta.url), 'utf8');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const BASELINES = fileURLToPath(new URL('./', import.meta.url));
const REPORTS = fileURLToPath(new URL('../../../reports/looks/', import.meta.url));

/** How far a pixel's colour may be off (0-1), and the share of pixels that may be: another build of Chromium smooths letters a little differently. */
const COLOUR = 0.1;
const SHARE = 0.01;

/**
 * What is broken about a screen, in words; empty when nothing is: cut text, texts over each other, anything outside the
 * window, targets under 24x24, HALT covered.
 */
export async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(IN_PAGE);
  return page.evaluate<string[]>('inspectRoom()');
}

/** What axe finds of serious and critical faults. */
export async function barriersOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate<string[]>(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.slice(0, 4).map(({ html, any }) => 'axe ' + id + ': ' + html.slice(0, 160) + ' ' + (any[0]?.message ?? ''))))`);
}

/** The layout shifts of the next `ms` milliseconds and what moved. */
export async function shiftsOf(
  page: Page,
  ms: number,
): Promise<{ readonly sum: number; readonly places: readonly string[] }> {
  await page.evaluate(IN_PAGE);
  return page.evaluate(`shiftsOf(${ms})`);
}

/** Waits until nothing has moved or changed for a while: charts and the graph take a few refreshes to find their size. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(IN_PAGE);
  await page.evaluate('atRest()');
}
export const picture = (page: Page): Promise<Buffer> =>
  page.screenshot({ animations: 'disabled', caret: 'hide', timeout: 120_000 });

/**
 * Compares with the picture of that name beside this file. With UPDATE_LOOKS=1 a missing or differing one is written instead.
 * @returns what is wrong, in words; '' when it looks as it should.
 */
export function differs(name: string, actual: Buffer): string {
  const path = `${BASELINES}${name}.png`;
  const update = process.env['UPDATE_LOOKS'] === '1';
  const keep = (): string => (writeFileSync(path, actual), '');
  if (!existsSync(path))
    return update ? keep() : `there is no picture ${name}.png; UPDATE_LOOKS=1 makes it${reported(name, actual)}`;
  const [wanted, got] = [PNG.sync.read(readFileSync(path)), PNG.sync.read(actual)];
  if (wanted.width !== got.width || wanted.height !== got.height)
    return update ? keep() : `expected ${wanted.width}x${wanted.height} pixels${reported(name, actual)}`;
  const diff = new PNG({ width: got.width, height: got.height });
  const off = pixelmatch(wanted.data, got.data, diff.data, got.width, got.height, { threshold: COLOUR });
  const share = off / (got.width * got.height);
  if (share <= SHARE) return '';
  return update ? keep() : `${(share * 100).toFixed(2)} % of the pixels differ${reported(name, actual, diff)}`;
}

function reported(name: string, actual: Buffer, diff?: PNG): string {
  mkdirSync(REPORTS, { recursive: true });
  writeFileSync(`${REPORTS}${name}.actual.png`, actual);
  if (diff !== undefined) writeFileSync(`${REPORTS}${name}.diff.png`, PNG.sync.write(diff));
  return `; see reports/looks/${name}.*.png`;
}
