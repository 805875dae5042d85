import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { type Browser } from 'playwright-core';
import { type EngineEvent } from '../../engine/contract/models.ts';
import { folder } from '../cli/process.ts';
import { state } from './hands.ts';
import {
  FAULT,
  NO_CONNECTION,
  TTL,
  type Taken,
  banner,
  breakAndMend,
  caughtUp,
  notes,
  plain,
  told,
  watch,
} from './hearing.ts';
import { type Served, serve, witness } from './serving.ts';
import { NO_ROOM, openBrowser, until } from './stage.ts';

const experimentOn = (port: number): string => `version: 1
name: cut-short
routes:
  - { name: own, protocol: http, listen: "127.0.0.1:0", upstream: "127.0.0.1:${port}" }
policies:
  - { name: late, type: http, route: own, target: all, latency_chance: 1, latency_duration: 5ms }
experiment:
  hypothesis: It goes on.
  duration: 10m
  baseline: 500ms
  steady_state:
    - { name: own, probe: { type: http, url: "route://own/", every: 100ms }, expect: success_rate > 0.5 }
`;
/** Something that answers. */
async function answering(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((_request, response) => response.end('ok'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
describe('an open page whose engine is killed and started again', { skip: NO_ROOM, timeout: 280_000 }, () => {
  let browser: Browser;
  before(async () => (browser = await openBrowser()));
  after(() => browser?.close());

  test('kill -9 under a fault: the page says so, keeps what it knew, finds the next engine and hears all of both, once', async () => {
    using dir = folder();
    const first = await serve(dir.path);
    await using room = await watch(browser, first);
    const { page } = room;
    using heard = await witness(first);
    await breakAndMend(heard);
    await heard.client.command('apply', { text: FAULT, ttlMs: TTL });
    await state(page).getByText('Under fault').waitFor();
    const injections = page.getByRole('main').getByText('broken', { exact: true }).first();
    await injections.waitFor();
    await caughtUp(page, heard);

    await first.kill();
    await banner(page)
      .getByText(/No word from the engine since/)
      .waitFor();
    await state(page).getByText('Not known').waitFor();
    await page.locator('main[data-lost]').waitFor();
    assert.equal(await injections.isVisible(), true, 'the last that was known stays');
    await page.keyboard.type('vt');
    await page.locator('html[data-theme=light]').waitFor();

    await using second = await serve(dir.path);
    assert.equal(second.url, first.url);
    await state(page).getByText('Clean').waitFor();
    await banner(page).waitFor({ state: 'detached' });
    assert.equal(await page.locator('main[data-lost]').count(), 0);
    using heardNext = await witness(second);
    assert.deepEqual((await heardNext.client.query('open', {})).open, [], 'what the dead engine held is put back');
    await until('what was changed while the engine was away is kept by the next', async () => {
      const { value } = await heardNext.client.query('setting', { key: 'preferences' });
      return (value as { readonly theme?: string } | null)?.theme === 'light';
    });
    await breakAndMend(heardNext);
    const lines = await caughtUp(page, heardNext);

    const of = ({ pid }: Served): Taken[] => told(lines).filter(({ key }) => key.startsWith(`${pid}-`));
    assert.deepEqual(of(first).map(plain), heard.events);
    assert.deepEqual(of(second).map(plain), heardNext.events);
    assert.equal(of(first).length + of(second).length, told(lines).length);
    const [begins, left, ...others] = notes(lines);
    assert.match(begins ?? '', new RegExp(`started anew \\(process ${second.pid}\\)`));
    assert.match(left ?? '', /^Put back since, says the undo journal: broken on /);
    assert.deepEqual(others, []);
    assert.equal(room.loads(), 0, 'it was not loaded anew');
    room.quiet(NO_CONNECTION);
  });

  test('kill -9 in the middle of a flood of events: the page has what came, in order, without a hole', async () => {
    using dir = folder();
    const first = await serve(dir.path);
    await using room = await watch(browser, first);
    const { page } = room;
    using heard = await witness(first);
    const policies = Array.from(
      { length: 200 },
      (_, index) =>
        `  - { name: p${index}, type: http, route: own, target: /p${index}, error_chance: 1, error_code: 503 }\n`,
    );
    const flood = heard.client.command('apply', { text: FAULT + policies.join(''), ttlMs: TTL }).catch(() => {});
    await until('the flood is on', () => heard.events.length > 150);
    await first.kill();
    await flood;
    await banner(page).waitFor();
    await using second = await serve(dir.path);
    await banner(page).waitFor({ state: 'detached' });
    using heardNext = await witness(second);
    assert.deepEqual((await heardNext.client.query('open', {})).open, []);
    await breakAndMend(heardNext);
    const lines = await caughtUp(page, heardNext);
    const of = ({ pid }: Served): EngineEvent[] =>
      told(lines)
        .filter(({ key }) => key.startsWith(`${pid}-`))
        .map(plain);
    const own = of(first);
    assert.ok(own.length > 0);
    assert.deepEqual(
      own.map(({ seq }) => seq),
      own.map((_, index) => index + 1),
    );
    // What was on its way when the engine died may have reached the one and not the other.
    const both = Math.min(own.length, heard.events.length);
    assert.deepEqual(own.slice(0, both), heard.events.slice(0, both));
    assert.deepEqual(of(second), heardNext.events);
    room.quiet(NO_CONNECTION);
  });

  test('a run dies with its engine: the page does not show it as running, and claims no verdict', async () => {
    using dir = folder();
    await using shop = await answering();
    const first = await serve(dir.path);
    await using room = await watch(browser, first);
    const { page } = room;
    using heard = await witness(first);
    const { run } = await heard.client.command('run', { text: experimentOn(shop.port) });
    await page.keyboard.type('gr');
    const shown = page.getByRole('article', { name: 'Run cut-short' });
    await shown.getByText('running').waitFor();
    await state(page).getByText('Under fault').waitFor();
    await first.kill();
    await banner(page).waitFor();
    // A part of the page that may not have been loaded yet: its engine is away.
    await page.keyboard.type('gm');
    await page.getByRole('main', { name: 'Machine' }).waitFor();

    await using second = await serve(dir.path);
    await page.getByRole('heading', { name: 'The way back' }).waitFor();
    await page.keyboard.type('gr');
    await shown.getByLabel('Verdict').getByText('cut off').waitFor();
    await shown.getByText('The engine ended before the run did').waitFor();
    await shown.getByText('clean').first().waitFor();
    using heardNext = await witness(second);
    assert.deepEqual((await heardNext.client.query('open', {})).open, []);
    await page.evaluate(`location.hash = '/runs/${run}'`);
    await page.reload();
    await page.getByText('This run was cut off').waitFor();
    room.quiet(NO_CONNECTION);
  });
});
