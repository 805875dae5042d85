import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SMALLEST, placeOf } from '../../electron/state.ts';
import { Desk, Home, NO_DESKTOP, readJson } from './desk.ts';

/** Where the window opens. */

const bounds = (desk: Desk) =>
  desk.app.evaluate(({ BrowserWindow }) => {
    const window = BrowserWindow.getAllWindows()[0];
    return { normal: window?.getNormalBounds(), maximized: window?.isMaximized() };
  });

test('the window opens where and as it was left', { skip: NO_DESKTOP }, async () => {
  await using home = new Home();
  const left = { x: 60, y: 40, width: 1100, height: 700 };
  {
    await using desk = await Desk.start(home);
    await desk.app.evaluate(({ BrowserWindow }, to) => BrowserWindow.getAllWindows()[0]?.setBounds(to), left);
    await desk.closeWindow();
    await desk.ended();
  }
  {
    await using desk = await Desk.start(home);
    assert.deepEqual(await bounds(desk), { normal: left, maximized: false });
    await desk.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.maximize());
    await desk.tray('quit');
    await desk.ended();
  }
  assert.deepEqual(readJson(join(home.path, 'state', 'desktop', 'window.json')), { bounds: left, maximized: true });
  await using desk = await Desk.start(home);
  assert.deepEqual(await bounds(desk), { normal: left, maximized: true });
});

const AREA = { x: 0, y: 0, width: 1920, height: 1040 };

test(
  'a window whose display is gone, or whose place cannot be read, opens where it can be reached',
  { skip: NO_DESKTOP },
  async () => {
    await using home = new Home();
    const write = (value: unknown): void =>
      writeFileSync(join(home.path, 'window.json'), typeof value === 'string' ? value : JSON.stringify(value));
    const place = (x: number, y: number, width = 1200, height = 800) => ({
      bounds: { x, y, width, height },
      maximized: false,
    });

    write(place(2000, 100));
    assert.deepEqual(placeOf(home.path, [AREA]).bounds, { width: 1200, height: 800 }, 'to the right of every display');
    assert.deepEqual(placeOf(home.path, [AREA, { ...AREA, x: 1920 }]).bounds, {
      x: 2000,
      y: 100,
      width: 1200,
      height: 800,
    });
    write(place(100, -50));
    assert.deepEqual(
      placeOf(home.path, [AREA]).bounds,
      { width: 1200, height: 800 },
      'its title bar above the display',
    );
    write(place(-1150, 100));
    assert.deepEqual(placeOf(home.path, [AREA]).bounds, { width: 1200, height: 800 }, 'too little of it to grasp');
    write(place(0, 0, 1, 1));
    assert.deepEqual(placeOf(home.path, [AREA]).bounds, { x: 0, y: 0, ...SMALLEST });
    for (const broken of [
      '',
      '{',
      '[]',
      '{"bounds":{"x":1e9}}',
      { bounds: { x: 0, y: 0, width: '1', height: 1 }, maximized: 1 },
    ]) {
      write(broken);
      assert.deepEqual(placeOf(home.path, [AREA]), { bounds: { width: 1440, height: 900 }, maximized: false });
    }
  },
);
