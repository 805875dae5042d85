import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_ROOM, openBrowser, openStage, visit } from './stage.ts';

/** What an older or newer version, or a stray hand, may have left in the state directory. */
const GARBAGE = {
  boards: {
    boards: [
      {
        id: 'b',
        name: 'one',
        items: [0, 1].map(() => ({ id: 'twice', type: 'notes', x: 0, y: 0, w: 4, h: 3, settings: {} })),
      },
    ],
    current: 'b',
  },
  preferences: { theme: 'puce', presenter: 7 },
  draft: 'not even an object',
};

test(
  'what is kept and cannot be read is said and put aside, and the room opens with its defaults',
  { skip: NO_ROOM, timeout: 180_000 },
  async () => {
    await using browser = await openBrowser();
    await using stage = await openStage();
    for (const [key, value] of Object.entries(GARBAGE)) await stage.client.command('saveSetting', { key, value });
    await using room = await visit(browser, stage, { welcome: true });
    const { page } = room;
    await page.keyboard.press('g');
    await page.keyboard.press('p');
    for (const key of Object.keys(GARBAGE)) await page.getByText(`The kept ${key} cannot be read`).waitFor();
    await page.getByRole('tab', { name: 'Library', selected: true }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('b');
    await page.getByRole('region', { name: 'Topology' }).waitFor();
    for (const [key, value] of Object.entries(GARBAGE)) {
      assert.deepEqual((await stage.client.query('setting', { key: `${key}.unread` })).value, value);
    }
    room.quiet();
  },
);
