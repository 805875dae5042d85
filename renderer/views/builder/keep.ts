import { type Text } from '@codemirror/state';
import { engine } from '../../stores/connection.ts';
import { type Draft, PIECE_CHARS, pieceKey, useDraft } from '../../stores/draft.ts';
import { toast, toastError } from '../../stores/toasts.ts';
import { currentText, editor, replaceText, useBench } from './bench.ts';
import { fileName, followText } from './check.ts';

/** Keeps the text of the builder: as a draft with every change, as a version when asked or before it would be lost. */

/** How long the keyboard must rest before the draft is kept, milliseconds. */
const REST = 300;
const REST_LONG = 2_000;

let saved: Text | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let started = false;

/** Brings the draft back, once, and follows the text from then on. */
export function startBench(): void {
  if (started) return;
  started = true;
  const begin = async (): Promise<void> => {
    const { text, pieces, unsaved } = useDraft.getState();
    if (pieces > 0) sent = await readPieces(pieces);
    replaceText(pieces > 0 ? sent.join('') : text, { fresh: true });
    if (!unsaved) saved = editor().state.doc;
    useBench.subscribe(({ revision }, before) => revision !== before.revision && keepSoon());
    useBench.setState({ panel: editor().state.doc.length === 0 ? 'library' : 'form' });
    followText();
    useBench.setState({ ready: true });
    followOtherPages();
  };
  if (useDraft.getState().loaded) void begin();
  else {
    const stop = useDraft.subscribe(({ loaded }) => {
      if (!loaded) return;
      stop();
      void begin();
    });
  }
  addEventListener('pagehide', () => timer !== undefined && keepDraft());
}

function keepSoon(): void {
  const unsaved = saved === undefined || !saved.eq(editor().state.doc);
  if (unsaved !== useDraft.getState().unsaved) useDraft.setState({ unsaved });
  clearTimeout(timer);
  timer = setTimeout(keepDraft, editor().state.doc.length > PIECE_CHARS ? REST_LONG : REST);
}
function keepDraft(): void {
  clearTimeout(timer);
  timer = undefined;
  const text = currentText();
  tellOtherPages(text);
  if (text.length <= PIECE_CHARS) useDraft.setState({ text, pieces: 0 });
  else void keepPieces(text).catch((error: unknown) => toastError('The draft was not kept', error));
}

const piecesOf = (text: string): readonly string[] =>
  Array.from({ length: Math.ceil(text.length / PIECE_CHARS) }, (_, index) =>
    text.slice(index * PIECE_CHARS, (index + 1) * PIECE_CHARS),
  );
/** The pieces as the engine has them. */
let sent: readonly string[] = [];
const readPieces = async (count: number): Promise<readonly string[]> => {
  const values = await Promise.all(
    Array.from({ length: count }, (_, index) => engine().query('setting', { key: pieceKey(index) })),
  );
  return values.map(({ value }) => (typeof value === 'string' ? value : ''));
};
async function keepPieces(text: string): Promise<void> {
  const before = sent;
  const pieces = piecesOf(text);
  sent = pieces;
  // Only what has changed goes out; one after the other, so that the page can breathe.
  for (const [index, value] of pieces.entries())
    if (before[index] !== value) await engine().command('saveSetting', { key: pieceKey(index), value });
  for (let index = pieces.length; index < before.length; index++)
    await engine().command('saveSetting', { key: pieceKey(index), value: null });
  if (sent === pieces) useDraft.setState({ text: '', pieces: pieces.length });
}

/** Says that the text as it is now is kept elsewhere. */
export function markSaved(): void {
  saved = editor().state.doc;
  useDraft.setState({ unsaved: false });
  keepDraft();
}

/** Keeps the text as a version of its own. */
export async function saveVersion(): Promise<void> {
  await engine().command('saveVersion', { text: currentText(), file: fileName() });
}

/** Puts another file on the bench. What would be lost is kept as a version first; when that fails nothing is replaced. */
export async function load(
  text: string,
  file: string,
  more: { readonly path?: string; readonly crlf?: boolean; readonly bom?: boolean; readonly unsaved?: boolean } = {},
): Promise<void> {
  const { unsaved } = useDraft.getState();
  if (unsaved && currentText().trim() !== '') {
    await saveVersion();
    toast('info', 'The text before is kept', 'It is the newest under Versions.');
  }
  replaceText(text);
  useDraft.setState({ file, path: more.path ?? '', crlf: more.crlf ?? false, bom: more.bom ?? false });
  if (more.unsaved !== true) markSaved();
}

/**
 * There is one draft, and each page that is open on it keeps it: a page that went on with an older text would write over what was
 * typed in another. So each hears what another one keeps, and shows it.
 */
const pages = new BroadcastChannel('firebreak.draft');
type Told = Pick<Draft, 'file' | 'path' | 'unsaved' | 'crlf' | 'bom'> & { readonly text: string };
/** The text that all pages have, as far as known. */
let common: string | undefined;
let warned = false;

function tellOtherPages(text: string): void {
  if (text === common) return;
  common = text;
  const { file, path, unsaved, crlf, bom } = useDraft.getState();
  pages.postMessage({ text, file, path, unsaved, crlf, bom } satisfies Told);
}
function followOtherPages(): void {
  addEventListener('focus', () => (warned = false));
  pages.addEventListener('message', ({ data }: MessageEvent<Told>) => {
    const { text, ...rest } = data;
    common = text;
    if (text === currentText()) return;
    clearTimeout(timer);
    timer = undefined;
    replaceText(text);
    clearTimeout(timer);
    timer = undefined;
    if (text.length > PIECE_CHARS) sent = piecesOf(text);
    useDraft.setState({
      ...rest,
      ...(text.length > PIECE_CHARS ? { text: '', pieces: sent.length } : { text, pieces: 0 }),
    });
    if (!rest.unsaved) saved = editor().state.doc;
    if (warned) return;
    warned = true;
    toast(
      'warn',
      'The text was changed in another window',
      'It is shown here as it is there. Undo brings back what stood here.',
    );
  });
}
