import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Desk, Home, NO_DESKTOP, until } from './desk.ts';
import { Stage, statusOf } from './stage.ts';

/** HALT from outside the page, with a fault that is really there. */

interface Status {
  readonly halted: boolean;
  readonly faults: readonly { readonly state: string; readonly reverted: boolean }[];
  readonly open: readonly unknown[];
}

test('HALT works from the menu, the tray and the global keys, and is notified', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  await using stage = await Stage.open();
  await using desk = await Desk.start(home);
  const ways = { menu: () => desk.menu('halt'), tray: () => desk.tray('halt'), keys: () => desk.keys() };
  for (const [way, press] of Object.entries(ways)) {
    const before = (await desk.notifications()).length;
    const address = await stage.break(desk);
    await press();
    await until(`HALT from the ${way}`, async () => (await statusOf(address)) === 200);
    const status = await until('a clean status', async () => {
      const now = await desk.call<Status>('query', 'status');
      return now.faults.every(({ state }) => state === 'clean') && now;
    });
    assert.equal(status.halted, true, way);
    assert.deepEqual(status.open, [], way);
    await until('the notification', async () => (await desk.notifications()).slice(before).includes('HALT'));
    await desk.call('command', 'closeRoutes', { names: ['own'] });
  }
});

test('an aborted experiment is notified', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  await using stage = await Stage.open();
  await using desk = await Desk.start(home);
  await desk.call('command', 'run', { text: stage.experiment(), file: 'aborts.yaml' });
  await until('the notification', async () => (await desk.notifications()).includes('The experiment was aborted'));
  const { open } = await desk.call<Status>('query', 'status');
  assert.deepEqual(open, []);
});

test('the tray says what is injected', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  await using stage = await Stage.open();
  await using desk = await Desk.start(home);
  const line = (): Promise<string | undefined> =>
    desk.app.evaluate(
      () =>
        (
          globalThis as unknown as { spy: { tray: { getMenuItemById(id: string): { label: string } } | null } }
        ).spy.tray?.getMenuItemById('status').label,
    );
  await until('the first line', async () => (await line()) === 'nothing injected');
  await stage.break(desk);
  await until('the fault', async () => (await line()) === '1 fault active');
  await desk.tray('halt');
  await until('the halt', async () => (await line()) === 'halted, nothing injected');
});

test('the keys are told to the page, also when another program has them', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  {
    await using desk = await Desk.start(home);
    const shortcut = await ask(desk);
    assert.match(shortcut.keys, /^(Ctrl|Cmd)\+Shift\+F12$/);
    assert.equal(shortcut.problem, '');
    assert.deepEqual((await desk.seen()).notices, []);
  }
  await using desk = await Desk.start(home, { env: { FIREBREAK_TEST_KEYS_TAKEN: '1' } });
  const shortcut = await ask(desk);
  assert.notEqual(shortcut.problem, '');
  const notice = await until('the notice', async () =>
    (await desk.seen()).notices.find(({ level }) => level === 'warn'),
  );
  assert.match(notice.text, /does not HALT from other programs/);
});

const ask = (desk: Desk): Promise<{ keys: string; problem: string }> =>
  desk.page.evaluate(() =>
    (
      globalThis as unknown as { firebreak: { haltShortcut(): Promise<{ keys: string; problem: string }> } }
    ).firebreak.haltShortcut(),
  );
