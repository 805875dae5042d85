import { z } from 'zod';
import { MAX_FILE_CHARS } from './api.ts';

/**
 * What the desktop window offers its page beyond the contract, which goes over the port. The page finds it as
 * `window.firebreak`; in a browser tab there is none.
 */

/** Where the page lives in the desktop window; nothing else may speak to the host. */
export const ROOM_ORIGIN = 'app://room';

/** `data.type` of the window message that brings the port to the engine, in `ports[0]`; its origin is the page's own. */
export const PORT_MESSAGE = 'firebreak-port';

/**
 * What either end posts on that port before it closes it. Everything else on it is text: a message of the contract.
 * Chromium tells the other end of a closed port nothing, and Electron tells it no reason.
 */
export const portFarewell = z.strictObject({ closed: z.string() });
export type PortFarewell = z.infer<typeof portFarewell>;

/** What a file may be called that the room opens or saves. */
export const FILE_EXTENSIONS = ['firebreak', 'yaml', 'yml'] as const;

/** Menu entries that the page carries out. HALT is not among them: the host calls the engine, page or no page. */
export const menuAction = z.enum([
  'open', 'save', 'save-as', 'export-report', 'show-board', 'show-builder', 'show-runs', 'show-machine', 'presenter', 'theme',
  'rehearse', 'palette', 'cheat-sheet',
]);
export type MenuAction = z.infer<typeof menuAction>;

/** A Firebreak file as it was read. `path` names it to `saveFile`; `name` is for people. */
export const openedFile = z.strictObject({ path: z.string(), name: z.string(), text: z.string() });
export type OpenedFile = z.infer<typeof openedFile>;

const fileName = z.string().min(1).max(255);

/**
 * Without `path` the host asks where to. A `path` is written without asking only when the host gave it to this page
 * before, from a dialog, the command line or the desktop; for any other it asks.
 */
export const saveFileRequest = z.strictObject({
  name: fileName,
  text: z.string().max(MAX_FILE_CHARS, `expected a file of at most ${MAX_FILE_CHARS} characters`),
  path: z.string().min(1).max(4_096).exactOptional(),
});
export type SaveFileRequest = z.infer<typeof saveFileRequest>;

/** Most base64 characters of a document to save: 48 MiB of it. */
export const MAX_DOCUMENT_CHARS = 64 * 1024 * 1024;

/** A report, as the query `document` gives it; the host asks where to. */
export const saveDocumentRequest = z.strictObject({ name: fileName, base64: z.base64().max(MAX_DOCUMENT_CHARS) });
export type SaveDocumentRequest = z.infer<typeof saveDocumentRequest>;

/** Where something was saved. */
export const savedFile = z.strictObject({ path: z.string(), name: z.string() });
export type SavedFile = z.infer<typeof savedFile>;

/** Something the host has to say to whoever looks at the page. */
export const hostNotice = z.strictObject({ level: z.enum(['info', 'warn', 'error']), text: z.string(), hint: z.string() });
export type HostNotice = z.infer<typeof hostNotice>;

/** The keys that HALT everything while any other program has the keyboard. */
export const haltShortcut = z.strictObject({
  /** As a person reads it: `Ctrl+Shift+F12`. */
  keys: z.string(),
  /** Why the keys do not work; '' when they do. */
  problem: z.string(),
});
export type HaltShortcut = z.infer<typeof haltShortcut>;

/**
 * `window.firebreak`. The promises reject with an Error whose message is for people; null is the answer of a person who
 * cancelled. The `on…` functions return what ends the subscription; files and notices from before the first listener are
 * kept for it.
 */
export interface DesktopApi {
  /** As Node names it: `linux`, `darwin`, `win32`. */
  readonly platform: string;
  /** Asks for a port to the engine; it comes as PORT_MESSAGE. A second port closes the first. */
  connect(): void;
  /** Asks for a Firebreak file and reads it. */
  openFile(): Promise<OpenedFile | null>;
  saveFile(request: SaveFileRequest): Promise<SavedFile | null>;
  saveDocument(request: SaveDocumentRequest): Promise<SavedFile | null>;
  haltShortcut(): Promise<HaltShortcut>;
  onMenu(listener: (action: MenuAction) => void): () => void;
  /** A file from the command line, the desktop or a second start of the program. */
  onFile(listener: (file: OpenedFile) => void): () => void;
  onNotice(listener: (notice: HostNotice) => void): () => void;
}
