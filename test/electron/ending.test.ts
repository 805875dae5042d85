import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEngine } from '../../engine/index.ts';
import { Desk, Home, NO_DESKTOP, until } from './desk.ts';
import { Stage, statusOf } from './stage.ts';

/** How the program ends, and what it leaves: nothing. */

/** What the next engine would find to undo. */
async function leftBehind(home: Home): Promise<unknown> {
  await using engine = await createEngine({ stateDir: join(home.path, 'state'), observer: true });
  return engine.api.queries.open({}, AbortSignal.timeout(30_000));
}
const NOTHING = { open: [], damage: [] };

test('closing the window without faults asks nothing and ends the program', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  await using desk = await Desk.start(home);
  await desk.closeWindow();
  assert.equal(await desk.ended(), 0);
});

test('closing over a fault asks: keep running, cancel, HALT and close', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  await using stage = await Stage.open();
  await using desk = await Desk.start(home);
  const address = await stage.break(desk);

  const cancelled = await desk.answer('Cancel');
  await desk.closeWindow();
  assert.deepEqual(await until('the question', async () => (await cancelled()).length > 0 && cancelled()), [
    '1 fault is active.',
  ]);
  assert.equal(await desk.isVisible(), true);
  assert.equal(await statusOf(address), 503, 'cancelling changes nothing');

  await desk.answer('Keep running in tray');
  await desk.closeWindow();
  await until('the window to hide', async () => !(await desk.isVisible()));
  assert.equal(await statusOf(address), 503, 'it keeps running');
  await desk.tray('show');
  await until('the window to come back', () => desk.isVisible());

  await desk.answer('HALT and close');
  await desk.closeWindow();
  assert.equal(await desk.ended(), 0);
  assert.equal(await statusOf(address), 0, 'the route ended with its engine');
  assert.deepEqual(await leftBehind(home), NOTHING);
});

test('quitting reverts without asking', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  await using stage = await Stage.open();
  await using desk = await Desk.start(home);
  await stage.break(desk);
  const asked = await desk.answer('Cancel');
  assert.deepEqual(await asked(), []);
  await desk.tray('quit');
  assert.equal(await desk.ended(), 0);
  assert.deepEqual(await leftBehind(home), NOTHING);
});

test(
  'a signal reverts too',
  { skip: NO_DESKTOP || (process.platform === 'win32' && 'there are no signals') },
  async () => {
    await using home = new Home();
    await using stage = await Stage.open();
    await using desk = await Desk.start(home);
    await stage.break(desk);
    const pid = await desk.app.evaluate(() => process.pid);
    process.kill(pid, 'SIGTERM');
    assert.equal(await desk.ended(), 0);
    assert.deepEqual(await leftBehind(home), NOTHING);
  },
);

test(
  'a crash of the page touches neither engine nor fault, and the page comes back',
  { skip: NO_DESKTOP },
  async () => {
    await using home = new Home();
    await using stage = await Stage.open();
    await using desk = await Desk.start(home);
    const address = await stage.break(desk);
    const pid = await desk.app.evaluate(() => process.pid);
    const inPage = (code: string): Promise<unknown> =>
      desk.app.evaluate(
        async ({ BrowserWindow }, text) =>
          BrowserWindow.getAllWindows()[0]
            ?.webContents.executeJavaScript(text)
            .catch(() => undefined),
        code,
      );

    await desk.app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer(),
    );
    // A page that was never here before has a notice that the old one had not.
    await until(
      'the page to come back',
      async () => (await inPage('globalThis.seen?.ports === 1 && seen.notices.length === 1')) === true,
    );
    assert.match(String(await inPage('seen.notices[0].text')), /The page ended \(\w+\) and was loaded again/);
    assert.equal(await statusOf(address), 503, 'the fault is still there');
    assert.equal(await inPage("call('query', 'status', {}).then((status) => status.pid)"), pid);
    assert.equal(
      await inPage(
        "call('query', 'status', {}).then((status) => status.faults.filter((fault) => fault.state === 'active').length)",
      ),
      1,
    );
    await desk.menu('halt');
    await until('the revert', async () => (await statusOf(address)) === 200);
  },
);
