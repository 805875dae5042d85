/**
 * What Electron does inside a page: a world of its own for the preload script, with `require('electron')`, and a bridge
 * to the page's world over which only plain values, promises and functions go. Both parts are written as functions whose
 * source is sent into the page.
 */

interface Link {
  /** Random: the page cannot guess the names of the events between the two worlds. */
  readonly secret: string;
  readonly suffix: string;
}

/** A browser's, not Node's. */
interface PagePort {
  onmessage: (event: { readonly data: unknown }) => void;
  addEventListener(event: 'close', listener: () => void): void;
  postMessage(data: unknown): void;
  close(): void;
}

/** In the page's own world. */
export function mainWorld(link: Link): string {
  return `(${function (secret: string) {
    const { document, CustomEvent, JSON, Promise, Object, Map, Error } = globalThis as never as Record<
      string,
      never
    > & {
      document: EventTarget;
      CustomEvent: typeof globalThis.CustomEvent;
    } & typeof globalThis;
    let next = 1;
    const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
    const callbacks = new Map<number, (...args: unknown[]) => void>();
    let returned: { fn?: string; promise?: boolean; value?: unknown; error?: string } = {};
    const on = (name: string, act: (detail: never) => void): void =>
      document.addEventListener(secret + name, (event) => act(JSON.parse((event as CustomEvent).detail) as never));
    const call = (path: string, args: unknown[]): unknown => {
      const n = next++;
      const sent = args.map((arg) => {
        if (typeof arg !== 'function') return { value: arg };
        callbacks.set(n, arg as () => void);
        return { callback: n };
      });
      document.dispatchEvent(new CustomEvent(secret + 'call', { detail: JSON.stringify({ n, path, args: sent }) }));
      const { fn, promise, value, error } = returned;
      if (error !== undefined) throw new Error(error);
      if (fn !== undefined) return () => call(fn, []);
      if (promise === true) return new Promise((resolve, reject) => waiting.set(n, { resolve, reject }));
      return value;
    };
    // As Electron answers when its handler denies; this stand-in opens none in any case.
    (globalThis as { open?: unknown }).open = (url: unknown) => {
      document.dispatchEvent(new CustomEvent(secret + 'open', { detail: JSON.stringify(String(url)) }));
      return null;
    };
    on('return', (detail: typeof returned) => (returned = detail));
    on('settle', ({ n, error, value }: { n: number; error?: string; value?: unknown }) => {
      if (error === undefined) waiting.get(n)?.resolve(value);
      else waiting.get(n)?.reject(new Error(error));
      waiting.delete(n);
    });
    on('callback', ({ n, args }: { n: number; args: unknown[] }) => callbacks.get(n)?.(...args));
    on(
      'expose',
      ({ key, members }: { key: string; members: { name: string; value?: unknown; isFunction: boolean }[] }) => {
        const api: Record<string, unknown> = {};
        for (const { name, value, isFunction } of members)
          api[name] = isFunction ? (...args: unknown[]) => call(name, args) : value;
        Object.defineProperty(globalThis, key, { value: Object.freeze(api), enumerable: true });
      },
    );
  }})(${JSON.stringify(link.secret)});`;
}

/** In the preload script's world. `__standIn` is the binding to the main process. */
export function preloadWorld(link: Link, preload: string, platform: string): string {
  return `(${function (secret: string, suffix: string, platformName: string, run: (...args: unknown[]) => void) {
    type Message = Record<string, unknown>;
    const page = globalThis as never as {
      document: EventTarget;
      CustomEvent: typeof CustomEvent;
      top: unknown;
      self: unknown;
      location: { origin: string };
      __standIn(text: string): void;
      __receive(message: Message): void;
      postMessage(...args: unknown[]): void;
    };
    if (page.top !== page.self) return;
    const tell = (name: string, detail: unknown): void =>
      void page.document.dispatchEvent(new page.CustomEvent(secret + name, { detail: JSON.stringify(detail) }));
    const send = (message: Message): void => page.__standIn(JSON.stringify(message));
    let next = 1;
    const calls = new Map<unknown, { resolve(value: unknown): void; reject(error: Error): void }>();
    const ports = new Map<unknown, PagePort>();
    const listeners: { channel: string; listener: (event: unknown, ...args: unknown[]) => void }[] = [];
    const openPort = (id: unknown): PagePort => {
      const { port1, port2 } = new MessageChannel() as unknown as { port1: PagePort; port2: PagePort };
      port2.onmessage = ({ data }) => send({ kind: 'port', id, data });
      port2.addEventListener('close', () => send({ kind: 'port-closed', id }));
      ports.set(id, port2);
      return port1;
    };
    page.__receive = (message: Message): void => {
      const { kind, n, id } = message;
      if (kind === 'result') calls.get(n)?.resolve(message['value']);
      if (kind === 'failure') calls.get(n)?.reject(new Error(message['error'] as string));
      if (kind === 'port') ports.get(id)?.postMessage(message['data']);
      if (kind === 'port-closed') ports.get(id)?.close();
      if (kind !== 'message') return;
      const event = { ports: (message['ports'] as unknown[]).map(openPort) };
      for (const { channel, listener } of listeners)
        if (channel === message['channel']) listener(event, message['value']);
    };
    const ipcRenderer = {
      invoke: (channel: string, value?: unknown) =>
        new Promise((resolve, reject) => {
          const n = next++;
          calls.set(n, { resolve, reject });
          send({ kind: 'invoke', n, channel, value });
        }),
      send: (channel: string, value?: unknown) => send({ kind: 'send', channel, value }),
      on: (channel: string, listener: () => void) => void listeners.push({ channel, listener }),
    };
    const exposed = new Map<string, (...args: unknown[]) => unknown>();
    const contextBridge = {
      exposeInMainWorld: (key: string, api: Record<string, unknown>) => {
        const members = Object.entries(api).map(([name, value]) => {
          if (typeof value !== 'function') return { name, value, isFunction: false };
          exposed.set(name, value as () => unknown);
          return { name, isFunction: true };
        });
        tell('expose', { key, members });
      },
    };
    page.document.addEventListener(secret + 'call', (event) => {
      const { n, path, args } = JSON.parse((event as CustomEvent).detail as string) as {
        n: number;
        path: string;
        args: { value?: unknown; callback?: number }[];
      };
      const given = args.map(({ value, callback }) =>
        callback === undefined ? value : (...sent: unknown[]) => tell('callback', { n: callback, args: sent }),
      );
      try {
        const value = exposed.get(path)?.(...given);
        if (value instanceof Promise) {
          tell('return', { promise: true });
          value.then(
            (result: unknown) => tell('settle', { n, value: result }),
            (error: unknown) => tell('settle', { n, error: (error as Error).message }),
          );
        } else if (typeof value === 'function') {
          exposed.set(`${path}#${n}`, value as () => unknown);
          tell('return', { fn: `${path}#${n}` });
        } else tell('return', { value });
      } catch (error) {
        tell('return', { error: (error as Error).message });
      }
    });
    page.document.addEventListener(secret + 'open', (event) =>
      send({ kind: 'open', url: JSON.parse((event as CustomEvent).detail as string) as string }),
    );
    const toApp = (address: string): string =>
      address.endsWith(suffix) ? address.replace('https:', 'app:').slice(0, -suffix.length) : address;
    const location = { origin: toApp(page.location.origin) };
    const window = {
      postMessage: (message: unknown, origin: string, moved: unknown) =>
        page.postMessage(message, origin.replace(/^app:(.*)$/, `https:$1${suffix}`), moved),
    };
    const require = (name: string): unknown => {
      if (name === 'electron') return { ipcRenderer, contextBridge };
      throw new Error(`module not found in a sandboxed preload script: ${name}`);
    };
    run(require, { platform: platformName, versions: {} }, window, location);
  }})(${JSON.stringify(link.secret)}, ${JSON.stringify(link.suffix)}, ${JSON.stringify(platform)}, function (require, process, window, location) {\n${preload}\n});`;
}
