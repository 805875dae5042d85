import { type Browser, type Locator, type Page } from 'playwright-core';
import { type EngineEvent } from '../../engine/contract/models.ts';
import { type Line, type Served, type Witness } from './serving.ts';
import { type Visit, until, visit } from './stage.ts';

/** What a page has heard of its engine, against what a witness beside it has. */

export const FAULT = `version: 1
name: broken-payments
routes:
  - { name: own, protocol: http, listen: "127.0.0.1:0", upstream: "127.0.0.1:9" }
policies:
  - { name: broken, type: http, route: own, target: all, error_chance: 1, error_code: 503 }
`;
export const TTL = 600_000;
/** What Chromium itself says of a connection that it cannot make or that breaks. */
export const NO_CONNECTION = /WebSocket connection to|Failed to load resource/;

export interface Taken extends EngineEvent {
  readonly key: string;
  readonly note?: true;
}
/** What the page has really taken up: its log journal, copied as JSON lines. */
async function taken(page: Page): Promise<Taken[]> {
  await page.evaluate("navigator.clipboard.writeText('')");
  await page.getByRole('button', { name: 'Copy lines' }).click();
  await page.getByRole('menuitem', { name: /as JSON lines/ }).click();
  let text = '';
  await until(
    'the lines are on the clipboard',
    async () => (text = await page.evaluate<string>('navigator.clipboard.readText()')) !== '',
  );
  return text
    .split('\n')
    .map((line) => JSON.parse(line) as Taken)
    .filter(({ body }) => body !== undefined);
}
export const plain = ({ key: _, ...event }: Taken): EngineEvent => event;
export const told = (events: readonly Taken[]): Taken[] => events.filter(({ note }) => note !== true);
export const notes = (events: readonly Taken[]): string[] =>
  events.flatMap(({ note, body }) => (note === true && body.kind === 'log' ? [body.text] : []));

/** Injects a fault and ends it again: some events that everybody must hear once. */
export async function breakAndMend({ client }: Pick<Witness, 'client'>): Promise<void> {
  const { run } = await client.command('apply', { text: FAULT, ttlMs: TTL });
  await client.command('abort', { run, why: 'the test is over' });
  await client.query('released', { run });
}
/** Waits until the page has all that the witness has heard by then, and says what it has. */
export async function caughtUp(page: Page, { client, events }: Witness): Promise<Taken[]> {
  const newest = (await client.query('status', {})).events?.newest ?? 0;
  await until('the witness has heard all', () => (events.at(-1)?.seq ?? 0) >= newest);
  let lines: Taken[] = [];
  await until('the page has heard all', async () => told((lines = await taken(page))).at(-1)?.seq === newest);
  return lines;
}
export const banner = (page: Page): Locator =>
  page.getByRole('alert').filter({ hasText: 'What you see is the last that was known' });

/** A visit that tells when the page was loaded anew or connected anew. */
export async function watch(
  browser: Browser,
  served: Pick<Served, 'url'>,
  line?: Line,
): Promise<Visit & { readonly loads: () => number; readonly sockets: () => number }> {
  const room = await visit(browser, served, line === undefined ? {} : { proxy: line.proxy });
  await room.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  let [loads, sockets] = [0, 0];
  room.page.on('load', () => loads++);
  room.page.on('websocket', () => sockets++);
  return { ...room, loads: () => loads, sockets: () => sockets };
}
