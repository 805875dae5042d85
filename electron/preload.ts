import { contextBridge, ipcRenderer } from 'electron';
import type { DesktopApi, HostNotice, MenuAction, OpenedFile } from '../engine/contract/desktop.ts';
import { CHANNEL, type PushedChannel } from './channels.ts';

/**
 * Runs in the sandbox, in a world of its own beside the page's. Bundled without zod: the host validates what comes, and
 * types are all that this side needs.
 */

/** ROOM_ORIGIN and PORT_MESSAGE of the contract, put here by the build. */
declare const __ROOM_ORIGIN__: string;
declare const __PORT_MESSAGE__: string;

/** What is used of the page's globals; this project's Node sources know no DOM. */
declare const location: { readonly origin: string };
declare const window: { postMessage(message: unknown, origin: string, ports: readonly unknown[]): void };

/** The message of an error thrown by the host, without the frame that Electron puts around it. */
const plain = (error: unknown): Error =>
  new Error(
    String(error instanceof Error ? error.message : error).replace(
      /^Error invoking remote method '[^']*': (\w*Error: )?/,
      '',
    ),
  );

const ask = <T>(channel: string, input?: unknown): Promise<T> =>
  ipcRenderer.invoke(channel, input).catch((error: unknown) => {
    throw plain(error);
  }) as Promise<T>;

/** One list of listeners for each thing that the host tells; what comes before the first listener waits in the host. */
function subscription<T>(channel: PushedChannel): (listener: (value: T) => void) => () => void {
  const listeners = new Set<(value: T) => void>();
  ipcRenderer.on(channel, (_event, value: T) => {
    for (const listener of listeners) listener(value);
  });
  return (listener) => {
    listeners.add(listener);
    ipcRenderer.send(CHANNEL.listening, channel);
    return () => void listeners.delete(listener);
  };
}

// Whatever else may get into this window finds nothing.
if (location.origin === __ROOM_ORIGIN__) {
  ipcRenderer.on(CHANNEL.port, (event) => {
    window.postMessage({ type: __PORT_MESSAGE__ }, __ROOM_ORIGIN__, [...event.ports]);
  });
  const api: DesktopApi = {
    platform: process.platform,
    connect: () => ipcRenderer.send(CHANNEL.connect),
    openFile: () => ask(CHANNEL.openFile),
    saveFile: (request) => ask(CHANNEL.saveFile, request),
    saveDocument: (request) => ask(CHANNEL.saveDocument, request),
    haltShortcut: () => ask(CHANNEL.haltShortcut),
    onMenu: subscription<MenuAction>(CHANNEL.menu),
    onFile: subscription<OpenedFile>(CHANNEL.file),
    onNotice: subscription<HostNotice>(CHANNEL.notice),
  };
  contextBridge.exposeInMainWorld('firebreak', api);
}
