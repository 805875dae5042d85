import { MAX_FILE_CHARS } from '../../../engine/contract/api.ts';
import { desktop } from '../../bridge/desktop.ts';
import { fromDisk, toDisk } from '../../forms/disk.ts';
import { useDraft } from '../../stores/draft.ts';
import { useIncoming } from '../../stores/incoming.ts';
import { toast, toastError } from '../../stores/toasts.ts';
import { download } from '../../ui/download.ts';
import { currentText, useBench } from './bench.ts';
import { fileName } from './check.ts';
import { load, markSaved, saveVersion } from './keep.ts';

/** Files of this computer: by the desktop's own dialogs, by the browser's, or else by download. */

interface Handle {
  readonly name: string;
  getFile(): Promise<File>;
  createWritable(): Promise<{ write(text: string): Promise<void>; close(): Promise<void> }>;
}
interface Pickers {
  showOpenFilePicker?(options: object): Promise<Handle[]>;
  showSaveFilePicker?(options: object): Promise<Handle>;
}
const pickers = window as Pickers;
const TYPES = [{ description: 'Firebreak files', accept: { 'application/yaml': ['.yaml', '.yml', '.firebreak'] } }];
/** The file that was opened or saved last in this tab: saving writes there again. */
let handle: Handle | undefined;

const MIB = 1024 * 1024;
/** Opens a file that was dropped or chosen. */
export async function openFile(file: File, from?: Handle): Promise<void> {
  if (file.size > MAX_FILE_CHARS) {
    return toast(
      'bad',
      `${file.name} is too large`,
      `It has ${(file.size / MIB).toFixed(1)} MiB; a Firebreak file has at most ${MAX_FILE_CHARS / MIB}. Split it, or remove what is not policy.`,
    );
  }
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch {
    return noText(file.name);
  }
  await openText(file.name, content);
  handle = from;
}
const noText = (name: string): void =>
  toast('bad', `${name} is no text`, 'Expected a YAML file in UTF-8. Save it as UTF-8 text and open it again.');
async function openText(name: string, content: string, path = ''): Promise<void> {
  if (content.includes('\0')) return noText(name);
  const { text, ...rest } = fromDisk(content);
  await load(text, name, { ...rest, path });
  handle = undefined;
}

const cancelled = (error: unknown): boolean => (error as { name?: string }).name === 'AbortError';
const attempt = async (title: string, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    if (!cancelled(error)) toastError(title, error);
  }
};

export const openFromDisk = (): Promise<void> =>
  attempt('The file was not opened', async () => {
    if (desktop !== undefined) {
      const file = await desktop.openFile();
      if (file !== null) await openText(file.name, file.text, file.path);
    } else if (pickers.showOpenFilePicker !== undefined) {
      const [chosen] = await pickers.showOpenFilePicker({ types: TYPES });
      if (chosen !== undefined) await openFile(await chosen.getFile(), chosen);
    } else {
      const input = document.createElement('input');
      input.type = 'file';
      input.accept = '.yaml,.yml,.firebreak';
      input.addEventListener('change', () => {
        const [file] = input.files ?? [];
        if (file !== undefined) void attempt('The file was not opened', () => openFile(file));
      });
      input.click();
    }
  });

/** Opens the first file of a drop. */
export const openDropped = (files: FileList): Promise<void> =>
  attempt('The file was not opened', async () => {
    const [file] = files;
    if (file !== undefined) await openFile(file);
  });

/** Keeps a version, and writes the file on disk when it is known where that is. */
export const save = (): Promise<void> =>
  attempt('The file was not saved', async () => {
    await saveVersion();
    const { path } = useDraft.getState();
    const onDisk = path !== '' || handle !== undefined;
    if (onDisk) await writeOut(false);
    markSaved();
    toast(
      'ok',
      'Saved',
      onDisk
        ? `${fileName()} is written, and kept as a version.`
        : 'Kept as a version on this engine. Save as … writes a file.',
    );
  });

/** Writes the file to a place that is asked for. */
export const saveAs = (): Promise<void> =>
  attempt('The file was not saved', async () => {
    if (!(await writeOut(true))) return;
    markSaved();
    toast('ok', 'Saved', `${fileName()} is written.`);
  });

async function writeOut(ask: boolean): Promise<boolean> {
  const draft = useDraft.getState();
  const text = toDisk(currentText(), draft);
  const name = fileName();
  if (desktop !== undefined) {
    const done = await desktop.saveFile({ name, text, ...(!ask && draft.path !== '' && { path: draft.path }) });
    if (done !== null) useDraft.setState({ file: done.name, path: done.path });
    return done !== null;
  }
  if (pickers.showSaveFilePicker !== undefined) {
    if (ask || handle === undefined) handle = await pickers.showSaveFilePicker({ suggestedName: name, types: TYPES });
    const file = await handle.createWritable();
    await file.write(text);
    await file.close();
    useDraft.setState({ file: handle.name });
    return true;
  }
  download(name, new Blob([text], { type: 'application/yaml' }));
  return true;
}

/** Opens what another part of the room or the desktop brings, as soon as the draft is back. */
export function followIncoming(): void {
  const take = (): void => {
    const { file } = useIncoming.getState();
    if (file === null || !useBench.getState().ready) return;
    useIncoming.setState({ file: null });
    void attempt('The file was not opened', () => openText(file.name, file.text, file.path));
  };
  useIncoming.subscribe(take);
  useBench.subscribe(({ ready }, before) => ready !== before.ready && take());
  take();
}
