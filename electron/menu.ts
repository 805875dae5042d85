import { Menu, type MenuItemConstructorOptions } from 'electron';
import { type MenuAction } from '../engine/contract/desktop.ts';
import { HALT_KEYS } from './halt.ts';

export interface MenuDeps {
  readonly platform: NodeJS.Platform;
  /** Adds what only a developer of Firebreak needs. */
  readonly development: boolean;
  /** Whether HALT's keys work everywhere; if not, they still work while the window has the keyboard. */
  readonly globalKeys: boolean;
  readonly act: (action: MenuAction) => void;
  readonly halt: () => void;
  readonly about: () => void;
  readonly startDemo: () => void;
  readonly openStateFolder: () => void;
}

/** The application menu. Every entry of ours has an id; keys that the page itself handles are shown, not taken. */
export function setMenu(deps: MenuDeps): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(template(deps)));
}

function template({
  platform,
  development,
  globalKeys,
  act,
  halt,
  about,
  startDemo,
  openStateFolder,
}: MenuDeps): MenuItemConstructorOptions[] {
  const mac = platform === 'darwin';
  const entry = (action: MenuAction, label: string, accelerator?: string): MenuItemConstructorOptions => ({
    id: action,
    label,
    ...(accelerator !== undefined && { accelerator }),
    click: () => act(action),
  });
  const shown = (action: MenuAction, label: string, accelerator: string): MenuItemConstructorOptions => ({
    ...entry(action, label, accelerator),
    registerAccelerator: false,
  });
  const line: MenuItemConstructorOptions = { type: 'separator' };
  const app: MenuItemConstructorOptions = {
    label: 'Firebreak',
    submenu: [
      { role: 'about' },
      line,
      { role: 'services' },
      line,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      line,
      { role: 'quit' },
    ],
  };
  return [
    ...(mac ? [app] : []),
    {
      label: '&File',
      submenu: [
        entry('open', '&Open…', 'CommandOrControl+O'),
        entry('save', '&Save', 'CommandOrControl+S'),
        entry('save-as', 'Save &as…', 'CommandOrControl+Shift+S'),
        line,
        entry('export-report', '&Export report…', 'CommandOrControl+E'),
        line,
        mac ? { role: 'close' } : { role: 'quit' },
      ],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        line,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
      ],
    },
    {
      label: '&View',
      submenu: [
        entry('show-board', '&Board'),
        entry('show-builder', 'Policy b&uilder'),
        entry('show-runs', '&Runs'),
        entry('show-machine', '&Machine'),
        line,
        entry('presenter', '&Presenter mode'),
        entry('theme', '&Dark or light'),
        line,
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        ...(development ? [line, { role: 'reload' as const }, { role: 'toggleDevTools' as const }] : []),
      ],
    },
    {
      label: '&Run',
      submenu: [
        {
          id: 'halt',
          label: '&HALT: end every fault',
          accelerator: HALT_KEYS,
          registerAccelerator: !globalKeys,
          click: halt,
        },
        entry('rehearse', 'Rehearse HAL&T'),
        line,
        { id: 'demo', label: 'Open the &demo shop', click: startDemo },
      ],
    },
    {
      role: 'help',
      label: '&Help',
      submenu: [
        shown('palette', 'Command &palette', 'CommandOrControl+K'),
        shown('cheat-sheet', '&Keys', '?'),
        line,
        { id: 'state-folder', label: 'Folder of &journal and history', click: openStateFolder },
        ...(mac ? [] : [line, { id: 'about', label: '&About Firebreak', click: about }]),
      ],
    },
  ];
}
