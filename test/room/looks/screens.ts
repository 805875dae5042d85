import { type Page } from 'playwright-core';
import { LIBRARY_FILE, type Mood, type StandIn } from './stand-in.ts';
import { RECORDS, RUN, frameAt } from './story.ts';

/** One thing that the room can show. */
export interface Screen {
  readonly name: string;
  readonly mood: Mood;
  /** The view and what follows it in the address. */
  readonly at?: string;
  /** Settings that the engine has kept. */
  readonly kept?: Readonly<Record<string, unknown>>;
  /** Brings the page there from the view, and waits until it is. */
  readonly open: (page: Page, standIn: StandIn) => Promise<unknown>;
  /** In which displays it is kept as a picture. */
  readonly pictures?: readonly Display['name'][];
  /** Ends its stand-in, and so gets one of its own. */
  readonly alone?: boolean;
}
export interface Display {
  readonly name:
    | 'wide'
    | 'laptop'
    | 'wide-presenter'
    | 'laptop-presenter'
    | 'wide-light'
    | 'laptop-light'
    | 'wide-presenter-light'
    | 'laptop-presenter-light';
  readonly presenter: boolean;
  readonly light: boolean;
  readonly viewport: { readonly width: number; readonly height: number };
}
const SIZES = { wide: { width: 1920, height: 1080 }, laptop: { width: 1280, height: 800 } } as const;
export const DISPLAYS: readonly Display[] = [false, true].flatMap((presenter) =>
  (['wide', 'laptop'] as const).flatMap((size) =>
    [false, true].map((light): Display => ({
      name: `${size}${presenter ? '-presenter' : ''}${light ? '-light' : ''}`,
      presenter,
      light,
      viewport: SIZES[size],
    })),
  ),
);

const IMPACT = frameAt(0).impact;
const text =
  (wanted: string | RegExp) =>
  (page: Page): Promise<void> =>
    page.getByText(wanted).first().waitFor();
/** The whole past has come: the matrix has the totals of the last moment, and the journal its lines. */
const told = async (page: Page): Promise<void> => {
  const total = IMPACT.reduce(
    (sum, { errors, latencies, drops, throttled, others }) => sum + errors + latencies + drops + throttled + others,
    0,
  );
  await page
    .locator('[data-type=blast-radius]')
    .getByRole('row', { name: new RegExp(`^All targets .* ${total.toLocaleString('en-GB')}$`) })
    .waitFor();
  await page.locator('[data-type=log-journal]').getByText('/charge').first().waitFor();
};
const keys = async (page: Page, ...pressed: readonly string[]): Promise<void> => {
  for (const key of pressed) await page.keyboard.press(key);
};

const item = (type: string, x: number, y: number, w: number, h: number, settings: object = {}): object => ({
  id: type + String(x) + String(y),
  type,
  x,
  y,
  w,
  h,
  settings,
});
const board = (name: string, ...items: readonly object[]): Readonly<Record<string, unknown>> => ({
  boards: { boards: [{ id: 'own', name, items }], current: 'own' },
});
const FIGURES = board(
  'Figures',
  item('metrics', 0, 0, 6, 6, {
    query: 'sum by (service) (rate(http_requests_total[1m]))',
    url: 'http://127.0.0.1:9090',
  }),
  item('notes', 6, 0, 3, 6, {
    text: 'Ann leads, Bo watches the ledger.\n\n1. Slow payments\n2. Refuse one order in ten\n3. HALT, and count the seconds',
  }),
  item('steady-state', 9, 0, 3, 6),
  item('apdex', 0, 6, 6, 6),
  item('active-injections', 6, 6, 6, 6),
  item('nobody-knows-this', 0, 12, 4, 5),
);
const DRAFT = {
  draft: {
    text: LIBRARY_FILE,
    pieces: 0,
    file: 'slow-payments.yaml',
    path: '',
    unsaved: true,
    crlf: false,
    bom: false,
    ttl: '60s',
    deployed: null,
  },
};
const WRONG = {
  draft: {
    ...DRAFT.draft,
    text: LIBRARY_FILE.replace('500ms', '500 parsecs').replace('success_rate <', 'success_rat <'),
  },
};
const [held, aborted] = RECORDS.map(({ run }) => run);

const widget = (page: Page, type: string) => page.locator(`[data-type=${type}]`);
const expand =
  (type: string) =>
  async (page: Page): Promise<void> => {
    await widget(page, type)
      .getByRole('button', { name: /^Expand/ })
      .click();
    await widget(page, type).getByRole('button', { name: 'Back to the board' }).first().waitFor();
  };

const builder =
  (tab: string) =>
  async (page: Page): Promise<void> => {
    await page.getByRole('tab', { name: tab }).click();
    await page.getByRole('region', { name: 'Guard and explanation' }).getByText('valid', { exact: true }).waitFor();
  };

/** The board with data, and what lies over it. */
export const BOARD: readonly Screen[] = [
  {
    name: 'board',
    mood: 'live',
    open: told,
    pictures: ['wide', 'laptop-light', 'laptop-presenter', 'wide-presenter-light'],
  },
  { name: 'board-calm', mood: 'calm', open: text('Nothing is injected') },
  { name: 'board-figures', mood: 'live', kept: FIGURES, open: text('orders'), pictures: ['laptop'] },
  {
    name: 'board-topology',
    mood: 'live',
    open: async (page) => (await told(page), expand('topology')(page)),
    pictures: ['laptop-presenter'],
  },
  {
    name: 'board-payload',
    mood: 'live',
    open: async (page) => {
      await told(page);
      await expand('log-journal')(page);
      await widget(page, 'log-journal').getByText('/charge').last().click();
      await page.getByText('traceparent').first().waitFor();
    },
    pictures: ['laptop'],
  },
  {
    name: 'palette',
    mood: 'live',
    open: async (page) => (
      await told(page),
      await keys(page, 'Control+k'),
      await page.getByPlaceholder('What do you want to do?').waitFor()
    ),
  },
  {
    name: 'keys',
    mood: 'live',
    open: async (page) => (
      await told(page),
      await keys(page, '?'),
      await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    ),
    pictures: ['laptop-presenter'],
  },
  {
    name: 'gallery',
    mood: 'live',
    open: async (page) => (
      await told(page),
      await keys(page, 'b', 'a'),
      await page.getByRole('dialog', { name: 'Add a widget' }).waitFor()
    ),
    pictures: ['laptop-light'],
  },
  {
    name: 'settings',
    mood: 'live',
    open: async (page) => {
      await told(page);
      await widget(page, 'fault-velocity').getByRole('button', { name: 'Menu of Fault velocity' }).click();
      await page.getByRole('menuitem', { name: 'Settings' }).click();
      await page.getByRole('dialog', { name: 'Settings of Fault velocity' }).waitFor();
    },
  },
  {
    name: 'halted',
    mood: 'live',
    open: async (page) => (await told(page), await keys(page, 'F8'), await page.getByText(/^Halted in/).waitFor()),
    pictures: ['laptop'],
  },
  {
    name: 'rehearsed',
    mood: 'calm',
    open: async (page) => (
      await text('Nothing is injected')(page),
      await page.getByRole('button', { name: 'Rehearse HALT and measure it' }).click(),
      await page.getByText(/^Rehearsed:/).waitFor()
    ),
  },
  {
    name: 'welcome',
    mood: 'calm',
    kept: { preferences: null },
    open: text('Break something safely'),
    pictures: ['laptop'],
  },
];

/** The other views with data. */
export const VIEWS: readonly Screen[] = [
  { name: 'builder', mood: 'live', at: 'builder', kept: DRAFT, open: builder('Form'), pictures: ['wide'] },
  {
    name: 'builder-plan',
    mood: 'live',
    at: 'builder',
    kept: DRAFT,
    open: async (page) => {
      await builder('Plan')(page);
      await page.getByRole('tabpanel').getByRole('button', { name: 'Plan', exact: true }).click();
      await text('Remove the policy from the wire')(page);
    },
    pictures: ['laptop'],
  },
  {
    name: 'builder-library',
    mood: 'live',
    at: 'builder',
    kept: DRAFT,
    open: async (page) => (await builder('Library')(page), await text('payments-outage')(page)),
  },
  {
    name: 'builder-versions',
    mood: 'live',
    at: 'builder',
    kept: DRAFT,
    open: async (page) => (await builder('Versions')(page), await text('deployed')(page)),
  },
  {
    name: 'builder-wrong',
    mood: 'live',
    at: 'builder',
    kept: WRONG,
    open: text(/^\d+ errors$|One error/),
    pictures: ['laptop-presenter'],
  },
  {
    name: 'runs-live',
    mood: 'live',
    at: `runs/${RUN}`,
    open: text('The verdict is given at the end.'),
    pictures: ['wide'],
  },
  {
    name: 'runs-held',
    mood: 'calm',
    at: `runs/${held ?? ''}`,
    open: text('The steady state held'),
    pictures: ['laptop-light'],
  },
  { name: 'runs-aborted', mood: 'calm', at: `runs/${aborted ?? ''}`, open: text('Aborted: the success rate') },
  {
    name: 'runs-compare',
    mood: 'calm',
    at: `runs/compare/${held ?? ''}/${aborted ?? ''}`,
    open: text('Two runs compared'),
    pictures: ['laptop-light'],
  },
  { name: 'runs-unknown', mood: 'calm', at: 'runs/r-nothing', open: text('History does not know a run r-nothing.') },
  { name: 'machine', mood: 'live', at: 'machine', open: text('fault kafka'), pictures: ['laptop'] },
];

const toBoard = async (page: Page): Promise<void> => page.locator('[data-type=topology]').waitFor();
const lose = async (page: Page, { server }: StandIn): Promise<void> => {
  await told(page);
  await server[Symbol.asyncDispose]();
  await page.getByText('No word from the engine since').waitFor();
};

/** Empty, loading, wrong. */
export const STATES: readonly Screen[] = [
  { name: 'lost', mood: 'live', open: lose, alone: true, pictures: ['laptop-presenter'] },
  {
    name: 'refused',
    mood: 'bare',
    open: async (page) => (
      await page.evaluate("sessionStorage.clear(), (location.href = '/')"),
      await text('This page is not let in')(page)
    ),
    pictures: ['laptop'],
  },
  {
    name: 'connecting',
    mood: 'bare',
    open: async (page) => (
      await page.routeWebSocket(/contract/, () => undefined),
      await page.reload(),
      await text('Looking for the engine')(page)
    ),
  },
  { name: 'board-bare', mood: 'bare', open: text('No route is open'), pictures: ['laptop'] },
  { name: 'board-empty', mood: 'calm', kept: board('Nothing yet'), open: text('This board is empty') },
  { name: 'board-mute', mood: 'mute', open: toBoard, pictures: ['laptop-light'] },
  { name: 'board-broken', mood: 'broken', kept: FIGURES, open: text('the state directory cannot be read') },
  {
    name: 'builder-bare',
    mood: 'bare',
    at: 'builder',
    open: (page) => page.getByRole('tab', { name: 'Form' }).waitFor(),
    pictures: ['laptop'],
  },
  {
    name: 'builder-mute',
    mood: 'mute',
    at: 'builder',
    kept: DRAFT,
    open: async (page) => (
      await page.getByRole('tab', { name: 'Library' }).click(),
      await text('Reading the library')(page)
    ),
  },
  {
    name: 'builder-broken',
    mood: 'broken',
    at: 'builder',
    kept: DRAFT,
    open: async (page) => (
      await page.getByRole('tab', { name: 'Library' }).click(),
      await text('The library could not be read')(page)
    ),
  },
  { name: 'runs-bare', mood: 'bare', at: 'runs', open: text('No run yet') },
  { name: 'runs-mute', mood: 'mute', at: `runs/${held ?? ''}`, open: text('Reading the run') },
  {
    name: 'runs-broken',
    mood: 'broken',
    at: `runs/${held ?? ''}`,
    open: text('This run cannot be shown'),
    pictures: ['laptop'],
  },
  { name: 'machine-bare', mood: 'bare', at: 'machine', open: text('No route is open') },
  { name: 'machine-mute', mood: 'mute', at: 'machine', open: text('Examining this machine') },
  { name: 'machine-broken', mood: 'broken', at: 'machine', open: text('Not examined') },
];
