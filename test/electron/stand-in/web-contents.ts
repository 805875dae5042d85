import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { toApp, toWeb } from './address.ts';
import { app } from './app.ts';
import { type Session as Cdp } from './cdp.ts';
import { type MessagePortMain, ipcMain } from './ipc.ts';
import { mainWorld, preloadWorld } from './page-side.ts';
import { Preventable, theChromium } from './runtime.ts';
import { session } from './session.ts';

const WORLD = 'preload';
const BINDING = '__standIn';

interface Context {
  readonly context: {
    readonly id: number;
    readonly name: string;
    readonly auxData: { readonly frameId: string; readonly isDefault: boolean };
  };
}
interface Paused {
  readonly requestId: string;
  readonly request: { readonly url: string; readonly method: string };
  readonly resourceType: string;
  readonly frameId: string;
  readonly redirectedRequestId?: string;
}

type Preferences = { readonly preload?: string } & Readonly<Record<string, unknown>>;

let nextId = 1;
const all = new Map<string, WebContents>();

/** A page as the main process sees it. `BrowserWindow` makes it. */
export class WebContents extends EventEmitter {
  readonly id = nextId++;
  readonly session = session.defaultSession;
  readonly #ready: Promise<Cdp>;
  readonly #ports = new Map<number, MessagePortMain>();
  #nextPort = 1;
  #target = '';
  #url = '';
  #destroyed = false;
  /** The address that the program itself is loading: no rule of navigation applies to it. */
  #loading: string | undefined;
  #openHandler: (details: { url: string }) => { action: string } = () => ({ action: 'allow' });
  readonly #worlds = { page: 0, preload: 0 };

  readonly #preferences: Preferences;

  constructor(preferences: Preferences) {
    super();
    const { preload } = preferences;
    this.#preferences = preferences;
    this.#ready = this.#open(preload);
    app.emit('web-contents-created', {}, this);
  }
  static fromDevToolsTargetId(id: string): WebContents | undefined {
    return all.get(id);
  }
  static getAllWebContents(): WebContents[] {
    return [...all.values()];
  }

  async #open(preload: string | undefined): Promise<Cdp> {
    const chromium = await theChromium();
    const { targetId } = await chromium.browser.send<{ targetId: string }>('Target.createTarget', {
      url: 'about:blank',
    });
    this.#target = targetId;
    all.set(targetId, this);
    const cdp = await chromium.attach(targetId);
    this.#follow(cdp);
    await cdp.send('Page.enable');
    await cdp.send('Runtime.enable');
    await cdp.send('Inspector.enable');
    await cdp.send('Fetch.enable', { patterns: [{ urlPattern: '*' }] });
    if (preload !== undefined) {
      const link = { secret: randomUUID(), suffix: '.app.invalid' };
      await cdp.send('Runtime.addBinding', { name: BINDING, executionContextName: WORLD });
      await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source: mainWorld(link) });
      const source = preloadWorld(link, readFileSync(preload, 'utf8'), process.platform);
      await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source, worldName: WORLD });
    }
    return cdp;
  }
  #follow(cdp: Cdp): void {
    cdp.on('Fetch.requestPaused', (paused: Paused) => void this.#request(cdp, paused).catch(() => {}));
    cdp.on('Runtime.executionContextCreated', ({ context }: Context) => {
      if (context.auxData.frameId !== this.#target) return;
      if (context.auxData.isDefault) this.#worlds.page = context.id;
      if (context.name === WORLD) this.#worlds.preload = context.id;
    });
    cdp.on(
      'Runtime.bindingCalled',
      ({ payload, executionContextId }: { payload: string; executionContextId: number }) => {
        void this.#heard(JSON.parse(payload) as Message, executionContextId);
      },
    );
    cdp.on('Page.frameNavigated', ({ frame }: { frame: { url: string; parentId?: string } }) => {
      if (frame.parentId !== undefined) return;
      this.#url = toApp(frame.url);
      this.#leavePage();
      this.emit('did-navigate', {}, this.#url);
    });
    cdp.on('Page.loadEventFired', () => {
      if (this.#url !== 'about:blank') this.emit('did-finish-load', {});
    });
    cdp.on('Inspector.targetCrashed', () => {
      this.#leavePage();
      this.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 5 });
    });
  }
  /** What belonged to the page ends with it. */
  #leavePage(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }

  async #request(cdp: Cdp, paused: Paused): Promise<void> {
    const url = toApp(paused.request.url);
    const top = paused.frameId === this.#target;
    if (paused.resourceType === 'Document' && !(top && url === this.#loading)) {
      const details = { url, isMainFrame: top, isSameDocument: false, frame: null };
      const event = new Preventable(details);
      if (paused.redirectedRequestId !== undefined) this.emit('will-redirect', event);
      else {
        if (top) this.emit('will-navigate', event);
        this.emit('will-frame-navigate', event);
      }
      if (event.defaultPrevented)
        return void (await cdp.send('Fetch.failRequest', { requestId: paused.requestId, errorReason: 'Aborted' }));
    }
    await this.session.fulfil(cdp, paused);
  }

  async #heard(message: Message, contextId: number): Promise<void> {
    const event = { sender: this, senderFrame: this.mainFrame, ports: [] };
    if (message.kind === 'send') ipcMain.emit(message.channel, event, message.value);
    if (message.kind === 'port') this.#ports.get(message.id)?.peer?.receive(message.data);
    if (message.kind === 'port-closed') this.#ports.get(message.id)?.close();
    if (message.kind === 'open' && this.#openHandler({ url: message.url }).action !== 'deny') {
      // A window that is wanted and does not come must not look like one that was denied.
      throw new Error('the stand-in opens no windows for pages');
    }
    if (message.kind !== 'invoke') return;
    const { n, channel } = message;
    try {
      const value = structuredClone(await ipcMain.call(channel, event, message.value));
      await this.#receive({ kind: 'result', n, value }, contextId);
    } catch (error) {
      await this.#receive({ kind: 'failure', n, error: (error as Error).message }, contextId);
    }
  }
  async #receive(message: Record<string, unknown>, contextId = this.#worlds.preload): Promise<void> {
    const cdp = await this.#ready;
    // The page may have gone since; then nobody waits.
    await cdp
      .send('Runtime.evaluate', { expression: `__receive(${JSON.stringify(message)})`, contextId })
      .catch(() => {});
  }

  get mainFrame() {
    const url = this.#url;
    return {
      url,
      origin: /^app:\/\/[^/]+/.exec(url)?.[0] ?? (URL.canParse(url) ? new URL(url).origin : 'null'),
      parent: null,
      isDestroyed: () => this.#destroyed || url !== this.#url,
      postMessage: (channel: string, value: unknown, moved: MessagePortMain[] = []) =>
        this.postMessage(channel, value, moved),
    };
  }
  send(channel: string, value: unknown): void {
    this.postMessage(channel, value);
  }
  postMessage(channel: string, value: unknown, moved: MessagePortMain[] = []): void {
    if (this.#destroyed) throw new TypeError('Object has been destroyed');
    const ids = moved.map((port) => {
      const id = this.#nextPort++;
      this.#ports.set(id, port);
      port.remote = {
        deliver: (data) => void this.#receive({ kind: 'port', id, data }),
        close: () => void this.#receive({ kind: 'port-closed', id }),
      };
      return id;
    });
    void this.#receive({ kind: 'message', channel, value: structuredClone(value), ports: ids });
  }

  async loadURL(url: string): Promise<void> {
    const cdp = await this.#ready;
    const { browser } = await theChromium();
    await this.session.tellPermissions(
      browser,
      this,
      new URL(url).origin === 'null' ? url.replace(/\/$/, '') : new URL(url).origin,
    );
    this.#loading = url;
    const { errorText } = await cdp.send<{ errorText?: string }>('Page.navigate', { url: toWeb(url) });
    this.#loading = undefined;
    if (errorText !== undefined) throw new Error(`${errorText} loading '${url}'`);
  }
  reload(): void {
    void this.loadURL(this.#url).catch(() => {});
  }
  forcefullyCrashRenderer(): void {
    void this.#ready.then((cdp) => cdp.send('Page.crash').catch(() => {}));
  }
  async executeJavaScript(code: string): Promise<unknown> {
    const cdp = await this.#ready;
    const params = { expression: code, contextId: this.#worlds.page, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await cdp.send<{
      result: { value: unknown };
      exceptionDetails?: { text: string };
    }>('Runtime.evaluate', params);
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
    return result.value;
  }
  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.#openHandler = handler;
  }
  getLastWebPreferences(): Preferences {
    return this.#preferences;
  }
  getURL(): string {
    return this.#url;
  }
  isDestroyed(): boolean {
    return this.#destroyed;
  }
  close(): void {
    this.emit('stand-in-close');
  }
  /** The window has gone. */
  destroy(): void {
    this.#destroyed = true;
    this.#leavePage();
    all.delete(this.#target);
    void theChromium().then(({ browser }) => browser.send('Target.closeTarget', { targetId: this.#target }));
    this.emit('destroyed');
  }
}

type Message =
  | { readonly kind: 'invoke'; readonly n: number; readonly channel: string; readonly value?: unknown }
  | { readonly kind: 'send'; readonly channel: string; readonly value?: unknown }
  | { readonly kind: 'port'; readonly id: number; readonly data: unknown }
  | { readonly kind: 'port-closed'; readonly id: number }
  | { readonly kind: 'open'; readonly url: string };
