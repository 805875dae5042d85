import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Browser, type Page } from 'playwright-core';
import { barriersOf, faultsOf, shiftsOf } from './looks/check.ts';
import { NO_ROOM, openBrowser } from './stage.ts';

const HALT =
  '<div data-halt style="position:fixed;top:0;right:0"><button aria-keyshortcuts="F8" style="width:90px;height:40px">HALT</button></div>';
const page = (body: string, halt = HALT): string =>
  `<!doctype html><html lang="en"><title>t</title><body style="margin:0;font:16px sans-serif;background:#fff;color:#000"><main><h1>A page</h1>${body}</main>${halt}</body></html>`;

/** A page and what must be found on it; nothing for one that is sound. */
const PAGES: readonly (readonly [what: string, html: string, found: RegExp | null])[] = [
  [
    'a sound page',
    page(
      '<p>Two words</p><p style="width:60px;overflow:auto;white-space:nowrap">this text can be scrolled to its end</p><button style="width:80px;height:30px">Press</button>',
    ),
    null,
  ],
  [
    'text cut at the right',
    page('<p style="width:60px;overflow:hidden;white-space:nowrap">this text is much too long</p>'),
    /^cut: “this text/,
  ],
  [
    'text cut at the bottom',
    page('<div style="height:25px;overflow:hidden"><p style="margin:0">one</p><p style="margin:0">two</p></div>'),
    /^cut: “two”/,
  ],
  [
    'dots that hide words',
    page(
      '<p style="width:60px;overflow:hidden;white-space:nowrap;text-overflow:ellipsis">this text is much too long</p>',
    ),
    /^dots without a title/,
  ],
  [
    'dots whose title tells the words',
    page(
      '<p title="this text is much too long" style="width:60px;overflow:hidden;white-space:nowrap;text-overflow:ellipsis">this text is much too long</p>',
    ),
    null,
  ],
  [
    'text over text',
    page(
      '<p style="position:absolute;top:99px;left:9px">one word</p><p style="position:absolute;top:104px;left:30px">another</p>',
    ),
    /^overlap: /,
  ],
  ['text outside the window', page('<p style="position:fixed;left:-30px;top:200px">far away</p>'), /^outside/],
  [
    'a target too small to hit',
    page('<button aria-label="Close" style="width:18px;height:18px;padding:0">x</button>'),
    /^small target 18x18/,
  ],
  [
    'a hint that does not fit its field',
    page(
      '<input aria-label="Search" placeholder="what do you want to look for today?" style="width:90px;height:30px">',
    ),
    /^cut placeholder/,
  ],
  [
    'HALT covered at its edge',
    page('<div style="position:fixed;top:0;right:85px;width:40px;height:40px;z-index:9"></div>'),
    /^HALT is covered/,
  ],
  ['no HALT', page('<p>nothing</p>', ''), /^HALT is not there/],
];

describe('the checks of how the room looks', { skip: NO_ROOM }, () => {
  let browser: Browser;
  let tab: Page;
  before(async () => {
    browser = await openBrowser();
    tab = await browser.newPage({ viewport: { width: 640, height: 400 } });
  });
  after(() => browser?.close());

  for (const [what, html, wanted] of PAGES)
    test(what, async () => {
      await tab.setContent(html);
      const found = await faultsOf(tab);
      if (wanted === null) assert.deepEqual(found, []);
      else assert.ok(found.length > 0 && found.every((one) => wanted.test(one)), JSON.stringify(found));
    });

  test('a jump of the layout', async () => {
    await tab.setContent(
      page('<p id="late"></p><p>what is below is pushed down</p><p style="height:200px">much of it</p>'),
    );
    await tab.evaluate("setTimeout(() => (document.getElementById('late').style.height = '150px'), 700)");
    const { sum, places } = await shiftsOf(tab, 1_500);
    assert.ok(sum > 0.02, String(sum));
    assert.ok(places.length > 0);
  });

  test('a barrier that axe knows', async () => {
    await tab.setContent(page('<p style="color:#bbb">hardly to be read</p>'));
    assert.match((await barriersOf(tab)).join(), /color-contrast/);
  });
});
