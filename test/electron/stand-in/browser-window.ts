import { EventEmitter } from 'node:events';
import { app } from './app.ts';
import { Preventable } from './runtime.ts';
import { WebContents } from './web-contents.ts';

interface Bounds {
  x: number;
  y: number;
  width: number;
  height: number;
}
interface Options extends Partial<Bounds> {
  readonly minWidth?: number;
  readonly minHeight?: number;
  readonly show?: boolean;
  readonly webPreferences?: { readonly preload?: string } & Record<string, unknown>;
}

const windows = new Set<BrowserWindow>();
/** Of the one display; `screen` says the same. */
const AREA = { width: 1920, height: 1040 };

/** A window: its page is in Chromium, its frame (place, visibility, focus) is a model. */
export class BrowserWindow extends EventEmitter {
  readonly webContents: WebContents;
  readonly options: Options;
  #normal: Bounds;
  #visible: boolean;
  #focused = false;
  #minimized = false;
  #maximized = false;
  #destroyed = false;

  constructor(options: Options = {}) {
    super();
    this.options = options;
    const { width = 800, height = 600 } = options;
    this.#normal = {
      x: options.x ?? Math.round((AREA.width - width) / 2),
      y: options.y ?? Math.round((AREA.height - height) / 2),
      width,
      height,
    };
    this.#visible = options.show !== false;
    this.webContents = new WebContents(options.webPreferences ?? {});
    this.webContents.once('did-finish-load', () => this.emit('ready-to-show'));
    this.webContents.on('stand-in-close', () => this.close());
    windows.add(this);
    app.windows.add(this);
  }
  static getAllWindows(): BrowserWindow[] {
    return [...windows];
  }
  static fromWebContents(contents: WebContents): BrowserWindow | null {
    return [...windows].find((window) => window.webContents === contents) ?? null;
  }
  loadURL(url: string): Promise<void> {
    return this.webContents.loadURL(url);
  }

  getBounds(): Bounds {
    this.#mustLive();
    return this.#maximized ? { x: 0, y: 0, ...AREA } : { ...this.#normal };
  }
  getNormalBounds(): Bounds {
    this.#mustLive();
    return { ...this.#normal };
  }
  setBounds(bounds: Partial<Bounds>): void {
    this.#mustLive();
    const { minWidth = 0, minHeight = 0 } = this.options;
    const next = { ...this.#normal, ...bounds };
    this.#normal = { ...next, width: Math.max(next.width, minWidth), height: Math.max(next.height, minHeight) };
    this.emit('resize');
    this.emit('move');
  }
  maximize(): void {
    this.#mustLive();
    this.#maximized = true;
    this.#visible = true;
    this.emit('maximize');
  }
  unmaximize(): void {
    this.#mustLive();
    this.#maximized = false;
    this.emit('unmaximize');
  }
  isMaximized(): boolean {
    this.#mustLive();
    return this.#maximized;
  }
  minimize(): void {
    this.#mustLive();
    this.#minimized = true;
    this.#focused = false;
  }
  restore(): void {
    this.#mustLive();
    this.#minimized = false;
  }
  isMinimized(): boolean {
    this.#mustLive();
    return this.#minimized;
  }
  show(): void {
    this.#mustLive();
    this.#visible = true;
    this.#focused = true;
  }
  hide(): void {
    this.#mustLive();
    this.#visible = false;
    this.#focused = false;
  }
  isVisible(): boolean {
    this.#mustLive();
    return this.#visible;
  }
  focus(): void {
    this.#mustLive();
    this.#focused = true;
  }
  isFocused(): boolean {
    this.#mustLive();
    return this.#focused;
  }
  /** As Electron: whoever keeps a window that has gone hears of it. */
  #mustLive(): void {
    if (this.#destroyed) throw new TypeError('Object has been destroyed');
  }
  isDestroyed(): boolean {
    return this.#destroyed;
  }
  close(): void {
    if (this.#destroyed) return;
    const event = new Preventable();
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    windows.delete(this);
    this.webContents.destroy();
    this.emit('closed');
    app.closed(this);
  }
}
