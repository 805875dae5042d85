import {
  type BrowserWindow,
  BrowserWindow as Windows,
  type IpcMainEvent,
  type IpcMainInvokeEvent,
  MessageChannelMain,
  ipcMain,
} from 'electron';
import { z } from 'zod';
import { type HaltShortcut, ROOM_ORIGIN, saveDocumentRequest, saveFileRequest } from '../engine/contract/desktop.ts';
import { parseFor } from '../engine/contract/envelope.ts';
import { FirebreakError, messageOf } from '../engine/kernel/errors.ts';
import { CHANNEL } from './channels.ts';
import { type EngineHost } from './engine-host.ts';
import { type Files } from './files.ts';
import { type Mailbox } from './mailbox.ts';
import { electronPort } from './port.ts';

export interface BridgeDeps {
  readonly engine: Promise<EngineHost>;
  readonly files: Files;
  readonly mailbox: Mailbox;
  readonly shortcut: () => HaltShortcut;
}

/** The host's end of `window.firebreak`. Who calls is checked first, what is said second; nothing else is listened to. */
export function serveBridge({ engine, files, mailbox, shortcut }: BridgeDeps): void {
  const nothing = z.undefined();
  handle(CHANNEL.openFile, nothing, (window) => files.open(window));
  handle(CHANNEL.saveFile, saveFileRequest, (window, request) => files.save(window, request));
  handle(CHANNEL.saveDocument, saveDocumentRequest, (window, request) => files.saveDocument(window, request));
  handle(CHANNEL.haltShortcut, nothing, async () => shortcut());
  listen(CHANNEL.listening, (_event, channel) => mailbox.listen(channel));

  let served: Disposable | undefined;
  listen(CHANNEL.connect, async ({ senderFrame }) => {
    const host = await engine.catch(() => undefined);
    // The page may have gone while the engine started; without an engine the program is about to end, and says why.
    if (host === undefined || senderFrame === null || senderFrame.isDestroyed()) return;
    served?.[Symbol.dispose]();
    const { port1, port2 } = new MessageChannelMain();
    served = host.serve(electronPort(port1));
    senderFrame.postMessage(CHANNEL.port, null, [port2]);
  });
}

/** Whether a message comes from the room itself: its top frame, at its own origin. */
function fromRoom({ senderFrame }: IpcMainEvent | IpcMainInvokeEvent): boolean {
  return senderFrame !== null && senderFrame.parent === null && senderFrame.origin === ROOM_ORIGIN;
}

function handle<Schema extends z.ZodType>(
  channel: string,
  schema: Schema,
  act: (window: BrowserWindow, input: z.output<Schema>) => Promise<unknown>,
): void {
  ipcMain.handle(channel, async (event, input: unknown) => {
    const window = Windows.fromWebContents(event.sender);
    if (!fromRoom(event) || window === null) throw new Error('refused: only the room may ask this');
    try {
      return await act(window, parseFor(schema, input, 'invalid-input', channel));
    } catch (error) {
      // Only the message crosses: the remedy must be in it.
      throw new Error(
        error instanceof FirebreakError && error.hint !== '' ? `${error.message}. ${error.hint}` : messageOf(error),
      );
    }
  });
}

function listen(channel: string, act: (event: IpcMainEvent, input: unknown) => unknown): void {
  ipcMain.on(channel, (event, input: unknown) => {
    if (fromRoom(event)) act(event, input);
  });
}
