import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Browser } from 'playwright-core';
import { NO_ROOM, openBrowser } from '../stage.ts';
import { barriersOf, differs, faultsOf, picture, settled } from './check.ts';
import { DISPLAYS, type Display, type Screen } from './screens.ts';
import { PREFERENCES, type StandIn, look, openStandIn } from './stand-in.ts';

/** LOOKS_KEEP=1 keeps a picture of every screen in every display, to be looked at. */
const KEEP = process.env['LOOKS_KEEP'] === '1';
const KEPT = fileURLToPath(new URL('../../../reports/looks/all/', import.meta.url));

/** What axe needs to see once: every colour, and both sizes of type. */
const FOR_AXE: readonly Display['name'][] = ['wide', 'laptop-presenter-light'];

/** One test a screen: nothing cut, nothing over another, HALT free, no barrier, and as it was before. */
export function inspectAll(what: string, screens: readonly Screen[]): void {
  describe(`how it looks: ${what}`, { skip: NO_ROOM }, () => {
    let browser: Browser;
    let standIn: StandIn;
    before(async () => {
      [browser, standIn] = await Promise.all([openBrowser(), openStandIn()]);
    });
    after(async () => {
      await browser?.close();
      await standIn?.[Symbol.asyncDispose]();
    });
    for (const screen of screens) test(screen.name, () => inspect(browser, standIn, screen));
  });
}

/** Opens a screen and looks at it in every display; fails with all that is wrong, and where. */
async function inspect(browser: Browser, standIn: StandIn, screen: Screen): Promise<void> {
  const wrong: string[] = [];
  for (const presenter of [false, true]) {
    await using own = screen.alone === true ? await openStandIn() : undefined;
    wrong.push(
      ...(await inspectSizes(
        browser,
        own ?? standIn,
        screen,
        DISPLAYS.filter((one) => one.presenter === presenter),
      )),
    );
  }
  assert.equal(wrong.length, 0, `\n${wrong.join('\n')}`);
}

async function inspectSizes(
  browser: Browser,
  standIn: StandIn,
  screen: Screen,
  displays: readonly Display[],
): Promise<string[]> {
  const wrong: string[] = [];
  const [first] = displays;
  assert.ok(first !== undefined);
  standIn.play(screen.mood, {
    preferences: { ...PREFERENCES, presenter: first.presenter },
    ...screen.kept,
    ...(screen.kept?.['preferences'] === null && {
      preferences: { ...PREFERENCES, presenter: first.presenter, welcomed: false },
    }),
  });
  await using seen = await look(browser, standIn, first.viewport);
  const { page, said } = seen;
  await page.evaluate(`location.hash = '/${screen.at ?? 'board'}'`);
  await screen.open(page, standIn);
  const outOfReach =
    screen.alone === true || screen.mood === 'broken' || ['refused', 'connecting'].includes(screen.name);
  // Another theme moves nothing: it is looked at where axe reads its colours, or a picture is kept.
  const worthIt = ({ name, light }: Display): boolean =>
    !light || FOR_AXE.includes(name) || screen.pictures?.includes(name) === true;
  for (const { name, light, viewport } of displays.filter(worthIt)) {
    await page.setViewportSize(viewport);
    await page.evaluate(`document.documentElement.dataset.theme = '${light ? 'light' : 'dark'}'`);
    await settled(page);
    const pictured = screen.pictures?.includes(name) === true || KEEP;
    const shot = pictured ? await picture(page) : undefined;
    const found = light ? [] : await faultsOf(page);
    if (FOR_AXE.includes(name)) found.push(...(await barriersOf(page)));
    if (shot !== undefined && screen.pictures?.includes(name) === true) {
      const why = differs(`${screen.name}.${name}`, shot);
      if (why !== '') found.push(why);
    }
    wrong.push(...found.map((one) => `${screen.name}.${name}: ${one}`));
    if (KEEP && shot !== undefined) {
      mkdirSync(KEPT, { recursive: true });
      writeFileSync(`${KEPT}${screen.name}.${name}.png`, shot);
    }
  }
  // What the browser itself says of an engine that is away, no page can keep it from saying; what the engine says is kept.
  const loud = outOfReach
    ? said.filter(
        (one) => !/WebSocket|ERR_CONNECTION|Failed to load resource|401|the state directory cannot be read/.test(one),
      )
    : said;
  return [...wrong, ...loud.map((one) => `${screen.name}: the console says ${one}`)];
}
