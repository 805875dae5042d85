import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';

/** What belongs to the desktop. Nobody sees it, so it does what an attentive person would see. */

type Click = (item: MenuItem, window: undefined, event: object) => void;
interface Entry {
  readonly id?: string;
  readonly label?: string;
  readonly role?: string;
  readonly type?: string;
  readonly accelerator?: string;
  readonly enabled?: boolean;
  readonly submenu?: readonly Entry[];
  readonly click?: Click;
}

export class MenuItem {
  readonly id: string | undefined;
  readonly label: string;
  readonly role: string | undefined;
  readonly type: string;
  readonly accelerator: string | undefined;
  readonly enabled: boolean;
  readonly submenu: Menu | undefined;
  readonly #click: Click | undefined;

  constructor(entry: Entry) {
    if (entry.label === undefined && entry.role === undefined && entry.type !== 'separator')
      throw new TypeError('a menu item needs a label or a role');
    this.id = entry.id;
    this.label = entry.label ?? '';
    this.role = entry.role;
    this.type = entry.type ?? (entry.submenu === undefined ? 'normal' : 'submenu');
    this.accelerator = entry.accelerator;
    this.enabled = entry.enabled !== false;
    this.submenu = entry.submenu === undefined ? undefined : Menu.buildFromTemplate(entry.submenu);
    this.#click = entry.click;
  }
  click(): void {
    if (this.enabled) this.#click?.(this, undefined, {});
  }
}

let applicationMenu: Menu | null = null;

export class Menu {
  readonly items: MenuItem[];
  constructor(items: MenuItem[] = []) {
    this.items = items;
  }
  static buildFromTemplate(template: readonly Entry[]): Menu {
    return new Menu(template.map((entry) => new MenuItem(entry)));
  }
  static setApplicationMenu(menu: Menu | null): void {
    applicationMenu = menu;
  }
  static getApplicationMenu(): Menu | null {
    return applicationMenu;
  }
  getMenuItemById(id: string): MenuItem | null {
    for (const item of this.items) {
      const found = item.id === id ? item : item.submenu?.getMenuItemById(id);
      if (found !== undefined && found !== null) return found;
    }
    return null;
  }
}

class Image {
  readonly #path: string;
  constructor(path: string) {
    this.#path = path;
  }
  isEmpty(): boolean {
    return !existsSync(this.#path);
  }
}
export const nativeImage = { createFromPath: (path: string): Image => new Image(path) };

export class Tray extends EventEmitter {
  constructor(image: Image) {
    super();
    if (image.isEmpty()) throw new Error('the tray has no icon');
  }
  setToolTip(_text: string): void {}
  setContextMenu(_menu: Menu): void {}
  destroy(): void {}
}

export class Notification extends EventEmitter {
  readonly title: string;
  readonly body: string;
  constructor({ title, body }: { title: string; body: string }) {
    super();
    this.title = title;
    this.body = body;
  }
  static isSupported(): boolean {
    return true;
  }
  show(): void {}
}

const shortcuts = new Map<string, () => void>();
export const globalShortcut = {
  register: (keys: string, press: () => void): boolean => {
    if (shortcuts.has(keys)) return false;
    shortcuts.set(keys, press);
    return true;
  },
  unregisterAll: (): void => shortcuts.clear(),
};

/** Nobody answers: every dialog is cancelled, until a test answers in its place. */
export const dialog = {
  showOpenDialog: async () => ({ canceled: true, filePaths: [] as string[] }),
  showSaveDialog: async () => ({ canceled: true, filePath: '' }),
  showMessageBox: async (...args: unknown[]) => ({ response: (args.at(-1) as { cancelId?: number }).cancelId ?? 0 }),
  showMessageBoxSync: (...args: unknown[]) => (args.at(-1) as { cancelId?: number }).cancelId ?? 0,
  showErrorBox: (title: string, text: string): void => console.error(`${title}\n${text}`),
};

export const shell = { openPath: async (): Promise<string> => '', openExternal: async (): Promise<void> => {} };
export const screen = {
  getAllDisplays: () => [
    { bounds: { x: 0, y: 0, width: 1920, height: 1080 }, workArea: { x: 0, y: 0, width: 1920, height: 1040 } },
  ],
};
export const powerMonitor = new EventEmitter();
