import { EventEmitter } from 'node:events';

type Handler = (event: unknown, ...args: unknown[]) => unknown;

class IpcMain extends EventEmitter {
  /** Under the name that Electron has for it, for tests that call as a foreign page would. */
  readonly _invokeHandlers = new Map<string, Handler>();

  handle(channel: string, handler: Handler): void {
    if (this._invokeHandlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
    this._invokeHandlers.set(channel, handler);
  }
  removeHandler(channel: string): void {
    this._invokeHandlers.delete(channel);
  }
  /** As a page's `ipcRenderer.invoke`; the error is worded as Electron words it. */
  async call(channel: string, event: unknown, value: unknown): Promise<unknown> {
    const handler = this._invokeHandlers.get(channel);
    try {
      if (handler === undefined) throw new Error(`No handler registered for '${channel}'`);
      return await handler(event, value);
    } catch (error) {
      throw new Error(`Error invoking remote method '${channel}': ${String(error)}`);
    }
  }
}
export const ipcMain = new IpcMain();

/** One end of a channel in the main process; the other end is here too, until it is sent to a page. */
export class MessagePortMain extends EventEmitter {
  peer: MessagePortMain | undefined;
  /** Set when this end was sent away: where what arrives here goes. */
  remote: { deliver(data: unknown): void; close(): void } | undefined;
  #started = false;
  #closed = false;
  readonly #waiting: unknown[] = [];

  start(): void {
    this.#started = true;
    for (const data of this.#waiting.splice(0)) this.emit('message', { data, ports: [] });
  }
  postMessage(data: unknown): void {
    if (this.#closed) return;
    const copy = structuredClone(data);
    setImmediate(() => this.peer?.receive(copy));
  }
  receive(data: unknown): void {
    if (this.#closed) return;
    if (this.remote !== undefined) this.remote.deliver(data);
    else if (this.#started) this.emit('message', { data, ports: [] });
    else this.#waiting.push(data);
  }
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // After what was posted before.
    setImmediate(() => {
      this.remote?.close();
      this.emit('close');
      this.peer?.close();
    });
  }
}

export class MessageChannelMain {
  readonly port1 = new MessagePortMain();
  readonly port2 = new MessagePortMain();
  constructor() {
    this.port1.peer = this.port2;
    this.port2.peer = this.port1;
  }
}
