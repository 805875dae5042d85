import { join } from 'node:path';
import { BrowserWindow, dialog, screen } from 'electron';
import { realClock } from '../engine/kernel/clock.ts';
import { ROOM_URL } from './protocol.ts';
import { SMALLEST, keepPlace, placeOf } from './state.ts';

/** As build.mjs writes it. */
const PRELOAD = join(import.meta.dirname, '..', 'dist', 'electron', 'preload.cjs');
/** As `--bg` of the dark theme: no white flash before the page is there. */
const BACKGROUND = '#0e1217';
/** A page that dies this often within CRASH_SPAN is not loaded again by itself. */
const CRASHES = 3;
const CRASH_SPAN = 60_000;

export interface WindowDeps {
  /** Where the window's place is kept. */
  readonly folder: string;
  /** The page died and is loaded again, or the page does not answer. */
  readonly tell: (text: string) => void;
  /** The page refused to be left, and a person agreed to stay. */
  readonly stayed: () => void;
}

/** Opens the window of the room. The page in it is trusted with nothing but `window.firebreak`. */
export function openWindow({ folder, tell, stayed }: WindowDeps): BrowserWindow {
  const { bounds, maximized } = placeOf(
    folder,
    screen.getAllDisplays().map(({ workArea }) => workArea),
  );
  const window = new BrowserWindow({
    ...bounds,
    minWidth: SMALLEST.width,
    minHeight: SMALLEST.height,
    title: 'Firebreak',
    icon: join(import.meta.dirname, '..', 'assets', 'icons', '512x512.png'),
    backgroundColor: BACKGROUND,
    show: false,
    webPreferences: {
      preload: PRELOAD,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
      navigateOnDragDrop: false,
      // A shared screen behind another window must go on showing what is.
      backgroundThrottling: false,
    },
  });
  window.once('ready-to-show', () => {
    if (maximized) window.maximize();
    window.show();
  });
  keepPlace(window, folder);
  reviveAfterCrash(window, tell);
  window.on('unresponsive', () =>
    tell('The page does not answer. The engine is not affected; HALT works from the menu, the tray and its keys.'),
  );
  window.webContents.on('will-prevent-unload', (event) => {
    const leave = dialog.showMessageBoxSync(window, {
      type: 'question',
      message: 'There are changes that are not saved.',
      buttons: ['Discard changes', 'Stay'],
      defaultId: 1,
      cancelId: 1,
    });
    if (leave === 0) event.preventDefault();
    else stayed();
  });
  load(window);
  return window;
}

function load(window: BrowserWindow): void {
  // A load that is overtaken by another, or by the window's end, is no error.
  window.loadURL(ROOM_URL).catch(() => {});
}

/** The engine lives elsewhere and goes on; the page comes back, unless it dies at once each time. */
function reviveAfterCrash(window: BrowserWindow, tell: (text: string) => void): void {
  const deaths: number[] = [];
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    const now = realClock.now();
    deaths.push(now);
    if (deaths.filter((at) => now - at < CRASH_SPAN).length < CRASHES) {
      tell(`The page ended (${reason}) and was loaded again. The engine and its faults were not touched.`);
      return load(window);
    }
    void askToReload(window, reason);
  });
}

async function askToReload(window: BrowserWindow, reason: string): Promise<void> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'error',
    message: `The page ended ${CRASHES} times within a minute (${reason}).`,
    detail: 'The engine and its faults were not touched; HALT works from the menu, the tray and its keys.',
    buttons: ['Load it again', 'Leave it'],
    cancelId: 1,
  });
  if (response === 0 && !window.isDestroyed()) load(window);
}
