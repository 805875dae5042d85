import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Desk, Home, ON } from './desk.ts';

/** What the page may do. */
let home: Home;
let desk: Desk;
before(async () => {
  home = new Home();
  desk = await Desk.start(home);
});
after(async () => {
  await desk?.[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

test(`the page has the bridge and nothing else of the host (on ${ON})`, async () => {
  const found = await desk.page.evaluate(() => {
    const page = globalThis as unknown as Record<string, unknown> & { firebreak: Record<string, unknown> };
    return {
      api: Object.keys(page.firebreak).toSorted(),
      frozen: Object.isFrozen(page.firebreak),
      node: ['require', 'process', 'module', 'Buffer', 'global', '__dirname', 'electron', '__standIn', '__receive'].filter((name) => page[name] !== undefined),
    };
  });
  assert.deepEqual(found.api, ['connect', 'haltShortcut', 'onFile', 'onMenu', 'onNotice', 'openFile', 'platform', 'saveDocument', 'saveFile']);
  assert.deepEqual(found.node, []);
});

test('the engine answers through the port of the window', async () => {
  const status = await desk.call<{ pid: number }>('query', 'status');
  assert.equal(status.pid, await desk.app.evaluate(() => process.pid));
  assert.equal((await desk.seen()).portOrigin, 'own');
});
