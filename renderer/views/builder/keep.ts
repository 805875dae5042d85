import { type Text } from '@codemirror/state';
import { engine } from '../../stores/connection.ts';
import { DRAFT_CHARS, useDraft } from '../../stores/draft.ts';
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
    const { text, version, unsaved } = useDraft.getState();
    const long = version === null ? null : await engine().query('version', { id: version }).catch(() => null);
    replaceText(long?.text ?? text, { fresh: true });
    if (!unsaved) saved = editor().state.doc;
    useBench.subscribe(({ revision }, before) => revision !== before.revision && keepSoon());
    useBench.setState({ panel: editor().state.doc.length === 0 ? 'library' : 'form' });
    followText();
    useBench.setState({ ready: true });
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
  timer = setTimeout(keepDraft, editor().state.doc.length > DRAFT_CHARS ? REST_LONG : REST);
}
function keepDraft(): void {
  clearTimeout(timer);
  timer = undefined;
  const text = currentText();
  if (text.length <= DRAFT_CHARS) return useDraft.setState({ text, version: null });
  engine().command('saveVersion', { text, file: fileName() }).then(
    ({ id }) => useDraft.setState({ text: '', version: id }),
    (error: unknown) => toastError('The draft was not kept', error),
  );
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
export async function load(text: string, file: string, more: { readonly path?: string; readonly crlf?: boolean; readonly bom?: boolean; readonly unsaved?: boolean } = {}): Promise<void> {
  const { unsaved } = useDraft.getState();
  if (unsaved && currentText().trim() !== '') {
    await saveVersion();
    toast('info', 'The text before is kept', 'It is the newest under Versions.');
  }
  replaceText(text);
  useDraft.setState({ file, path: more.path ?? '', crlf: more.crlf ?? false, bom: more.bom ?? false });
  if (more.unsaved !== true) markSaved();
}
