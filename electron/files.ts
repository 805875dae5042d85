import { readFile, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { type BrowserWindow, dialog } from 'electron';
import { MAX_FILE_CHARS } from '../engine/contract/api.ts';
import {
  FILE_EXTENSIONS,
  type OpenedFile,
  type SaveDocumentRequest,
  type SaveFileRequest,
  type SavedFile,
} from '../engine/contract/desktop.ts';
import { EXIT, FirebreakError, messageOf } from '../engine/kernel/errors.ts';
import { isFirebreakFile } from './args.ts';
import { writeWhole } from './write-file.ts';

/** A character takes at most this many bytes in UTF-8 for each UTF-16 unit that `MAX_FILE_CHARS` counts. */
const BYTES_A_CHAR = 3;
const FILTERS = [{ name: 'Firebreak files', extensions: [...FILE_EXTENSIONS] }];
const ENDINGS = FILE_EXTENSIONS.map((ending) => `.${ending}`).join(', ');

/** The kinds of document that a report comes as. */
const DOCUMENTS: Readonly<Record<string, string>> = { '.pdf': 'PDF', '.md': 'Markdown', '.json': 'JSON' };

/** Files opened and saved by native dialogs. */
export class Files {
  /** What the page may write without asking: it was chosen by a person, in a dialog or on the command line. */
  readonly #chosen = new Set<string>();

  /** Asks for a file and reads it; null when cancelled. Throws FirebreakError as `read` does. */
  async open(window: BrowserWindow): Promise<OpenedFile | null> {
    const { canceled, filePaths } = await dialog.showOpenDialog(window, {
      title: 'Open a Firebreak file',
      filters: FILTERS,
      properties: ['openFile'],
    });
    const path = filePaths[0];
    return canceled || path === undefined ? null : this.read(path);
  }

  /** Reads a Firebreak file that a person chose. Throws FirebreakError `bad-file` naming the file, the cause and the remedy. */
  async read(given: string): Promise<OpenedFile> {
    const path = resolve(given);
    const name = basename(path);
    if (!isFirebreakFile(path))
      throw badFile(`${name} is not a Firebreak file by its name`, `Choose one that ends in ${ENDINGS}.`);
    let bytes: Buffer;
    try {
      const found = await stat(path);
      if (!found.isFile()) throw badFile(`${name} is not a file`, 'Choose a file.');
      if (found.size > MAX_FILE_CHARS * BYTES_A_CHAR) throw tooLarge(name);
      bytes = await readFile(path);
    } catch (error) {
      if (error instanceof FirebreakError) throw error;
      throw badFile(
        `cannot read ${path}: ${messageOf(error)}`,
        'Check that the file is there and that you may read it.',
      );
    }
    const text = decodeText(bytes, name);
    if (text.length > MAX_FILE_CHARS) throw tooLarge(name);
    this.#chosen.add(path);
    return { path, name, text };
  }

  /** Writes where the page's file came from, or asks where to; null when cancelled. */
  async save(window: BrowserWindow, { name, text, path }: SaveFileRequest): Promise<SavedFile | null> {
    if (path !== undefined && this.#chosen.has(path)) return write(path, text);
    const chosen = await askWhere(window, 'Save the Firebreak file', basename(path ?? name), FILTERS);
    if (chosen === null) return null;
    const target = isFirebreakFile(chosen) ? chosen : withEnding(chosen, '.yaml');
    const saved = await write(target, text);
    this.#chosen.add(saved.path);
    return saved;
  }

  /** Asks where to and writes a report; null when cancelled. */
  async saveDocument(window: BrowserWindow, { name, base64 }: SaveDocumentRequest): Promise<SavedFile | null> {
    const ending = extname(basename(name)).toLowerCase();
    const kind = DOCUMENTS[ending];
    if (kind === undefined)
      throw badFile(
        `${name} is not a document that reports come as`,
        `Its name must end in ${Object.keys(DOCUMENTS).join(', ')}.`,
      );
    const chosen = await askWhere(window, 'Export the report', basename(name), [
      { name: kind, extensions: [ending.slice(1)] },
    ]);
    if (chosen === null) return null;
    return write(
      extname(chosen).toLowerCase() === ending ? chosen : withEnding(chosen, ending),
      Buffer.from(base64, 'base64'),
    );
  }
}

async function askWhere(
  window: BrowserWindow,
  title: string,
  name: string,
  filters: { name: string; extensions: string[] }[],
): Promise<string | null> {
  const { canceled, filePath } = await dialog.showSaveDialog(window, {
    title,
    defaultPath: name,
    filters,
    properties: ['showOverwriteConfirmation'],
  });
  return canceled || filePath === '' ? null : resolve(filePath);
}

/** Some systems' dialogs leave the ending to the person; what they then did not confirm must not be overwritten. */
function withEnding(path: string, ending: string): string {
  const full = path + ending;
  if (existsSync(full)) throw badFile(`${full} is there already`, 'Save again and choose that file, or another name.');
  return full;
}

async function write(path: string, content: string | Buffer): Promise<SavedFile> {
  try {
    await writeWhole(path, content);
  } catch (error) {
    throw badFile(
      `cannot write ${path}: ${messageOf(error)}`,
      'Choose a folder that you may write to, on a disk with room.',
    );
  }
  return { path, name: basename(path) };
}

function decodeText(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badFile(`${name} is not text in UTF-8`, 'Save it as UTF-8 in an editor, then open it again.');
  }
}

const badFile = (message: string, hint: string): FirebreakError =>
  new FirebreakError('bad-file', message, { hint, exitCode: EXIT.usage });
const tooLarge = (name: string): FirebreakError =>
  badFile(
    `${name} is larger than ${MAX_FILE_CHARS / 1024 / 1024} MiB of text`,
    'Split it: an experiment needs a few kilobytes.',
  );
