import assert from 'node:assert/strict';
import { type Locator, type Page } from 'playwright-core';
import { until } from './stage.ts';

/**
 * The two ways in which a person plays: with the mouse, or with the keyboard alone. What is to be done is the same, so a
 * test says it once. The keyboard never touches the mouse, and never puts the focus anywhere but by keys.
 */
export interface Hand {
  readonly name: 'mouse' | 'keyboard';
  /** Presses the button, tab, link or box of this name. */
  press(what: Named): Promise<void>;
  /** Replaces what stands in the field. */
  write(what: Named, text: string): Promise<void>;
  /** Chooses an option of a list. */
  choose(what: Named, option: string): Promise<void>;
  /** Goes to a view. */
  go(view: keyof typeof VIEW_KEYS): Promise<void>;
  halt(): Promise<void>;
  /** Moves a widget of the board by cells, from its handle. */
  move(widget: string, cells: { readonly x: number; readonly y: number }): Promise<void>;
}
/** A thing to act on, as the page names it to everybody. */
export interface Named {
  readonly role: 'button' | 'tab' | 'textbox' | 'combobox' | 'spinbutton' | 'checkbox' | 'menuitem';
  readonly name: string | RegExp;
}

const VIEW_KEYS = { Board: 'gb', Builder: 'gp', Runs: 'gr', Machine: 'gm' } as const;
const find = (page: Page, { role, name }: Named): Locator =>
  page.getByRole(role, typeof name === 'string' ? { name, exact: true } : { name }).first();

export function mouse(page: Page): Hand {
  return {
    name: 'mouse',
    press: (what) => find(page, what).click(),
    write: async (what, text) => {
      await find(page, what).click();
      await find(page, what).fill(text);
    },
    choose: async (what, option) => void (await find(page, what).selectOption(option)),
    go: (view) => page.getByRole('navigation', { name: 'Views' }).getByRole('button', { name: view }).click(),
    halt: () => page.locator('[data-halt] button', { hasText: 'HALT' }).click(),
    move: async (widget, { x, y }) => {
      const box = await page.getByRole('button', { name: `Move ${widget}`, exact: true }).boundingBox();
      const frame = await page
        .locator('[data-widget]', { has: page.getByRole('button', { name: `Move ${widget}`, exact: true }) })
        .boundingBox();
      assert.ok(box !== null && frame !== null);
      const [column, row] = (await cellOf(page)) as [number, number];
      const from = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(from.x + 8, from.y + 8);
      await page.mouse.move(from.x + x * column, from.y + y * row, { steps: 6 });
      await page.mouse.up();
    },
  };
}
/** Width and height of one cell of the board, in pixels. */
const cellOf = (page: Page): Promise<number[]> =>
  page.evaluate<number[]>(`(() => {
    const one = document.querySelector('[data-widget]');
    const { width, height } = one.getBoundingClientRect();
    return [width / Number(one.style.getPropertyValue('--w')), height / Number(one.style.getPropertyValue('--h'))];
  })()`);

/** More stops than any screen of the room has. */
const MOST_STOPS = 300;

export function keyboard(page: Page): Hand {
  const press = async (...keys: readonly string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };
  /** Tab after Tab until the focus is on it: whatever cannot be reached so is out of reach for many people. */
  const reach = async (what: Named): Promise<void> => {
    const target = find(page, what);
    await target.waitFor();
    for (let stop = 0; stop < MOST_STOPS; stop++) {
      if (await target.evaluate((one) => one === one.ownerDocument.activeElement)) return;
      // Within the editor Tab indents; it says itself how one leaves it.
      if (await page.evaluate<boolean>("document.activeElement?.closest('.cm-editor') != null")) await press('Escape');
      await press('Tab');
    }
    assert.fail(`Tab does not come to ${what.role} ${String(what.name)}`);
  };
  /** Single keys are text while one types: Escape and the palette lead out of everything. */
  const act = async (action: string): Promise<void> => {
    await press('Control+k');
    await page.getByPlaceholder('What do you want to do?').waitFor();
    await page.keyboard.type(action);
    await press('Enter');
    await page.getByPlaceholder('What do you want to do?').waitFor({ state: 'detached' });
  };
  return {
    name: 'keyboard',
    press: async (what) => {
      await reach(what);
      await press(what.role === 'checkbox' ? 'Space' : 'Enter');
    },
    write: async (what, text) => {
      await reach(what);
      await press('Control+a');
      await page.keyboard.type(text);
      await until(`${String(what.name)} is ${text}`, async () => (await find(page, what).inputValue()) === text);
    },
    choose: async (what, option) => {
      await reach(what);
      await page.keyboard.type(option);
      await until(`${option} is chosen`, async () => (await find(page, what).inputValue()) === option);
    },
    go: (view) => act(view),
    halt: () => press('F8'),
    move: async (widget, { x, y }) => {
      await reach({ role: 'button', name: `Move ${widget}` });
      await press('Space');
      await press(
        ...Array<string>(Math.abs(x)).fill(x < 0 ? 'ArrowLeft' : 'ArrowRight'),
        ...Array<string>(Math.abs(y)).fill(y < 0 ? 'ArrowUp' : 'ArrowDown'),
        'Enter',
      );
    },
  };
}

/** What both look at. */
export const widget = (page: Page, type: string): Locator => page.locator(`[data-type=${type}]`);
export const state = (page: Page): Locator => page.getByRole('status', { name: 'State of the faults' });
export const figure = async (place: Locator): Promise<number> =>
  Number((await place.first().innerText()).replace(/[^\d.]/g, ''));
/** Injected faults a second, as the board shows them. */
export const rate = (page: Page): Promise<number> =>
  figure(widget(page, 'fault-velocity').getByText('now, per s').locator('xpath=following-sibling::*[1]'));
