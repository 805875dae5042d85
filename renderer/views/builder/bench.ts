import { isolateHistory, redo, redoDepth, undo, undoDepth } from '@codemirror/commands';
import { EditorState, type Text } from '@codemirror/state';
import { EditorView, type ViewUpdate } from '@codemirror/view';
import { create } from 'zustand';
import { parse, type Parsed, parseSliced, type Problem, type Source } from '../../forms/document.ts';
import { offsetOf, type Section, sectionAt } from '../../forms/locate.ts';
import { applied, type Change } from '../../forms/places.ts';
import { useConnection } from '../../stores/connection.ts';
import { toast } from '../../stores/toasts.ts';
import { extensions } from './editor.ts';

/**
 * The text of the builder and the form's view of it. The editor's document is the only truth: the form is read from it,
 * and what the form writes goes through the editor, so that there is one history.
 */

/** Up to here a text is read at once, between two frames; longer ones in slices. Characters. */
const AT_ONCE = 16_000;
/** How long the keyboard must rest before a long text is read, milliseconds. */
const REST = 120;

export type Panel = 'form' | 'plan' | 'library' | 'versions';
interface Bench {
  /** False until the draft is back. */
  readonly ready: boolean;
  /** What the form shows: the last text that could be read. */
  readonly source: Source;
  /** Why the present text cannot be read; null when it can. */
  readonly problem: Problem | null;
  /** The form is behind the text, and will catch up by itself. */
  readonly behind: boolean;
  /** Rises with each change of the text. */
  readonly revision: number;
  readonly chars: number;
  readonly selected: Section;
  readonly panel: Panel;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}
export const useBench = create<Bench>()(() => ({
  ready: false,
  source: { text: '', root: null },
  problem: null,
  behind: false,
  revision: 0,
  chars: 0,
  selected: [],
  panel: 'form',
  canUndo: false,
  canRedo: false,
}));

const NOTHING: Source = { text: '', root: null };
let view: EditorView | undefined;
/** The editor, made when it is first needed; it outlives the view, so that its history does too. */
export function editor(): EditorView {
  view ??= new EditorView({ state: stateOf('') });
  return view;
}
const stateOf = (text: string): EditorState =>
  EditorState.create({ doc: text, extensions: extensions({ onUpdate, routeNames: knownRoutes }) });

function knownRoutes(): readonly string[] {
  const names = useBench.getState().source.root === null ? [] : routesOfFile();
  return [...new Set([...names, ...(useConnection.getState().status?.routes.map(({ name }) => name) ?? [])])];
}
const routesOfFile = (): readonly string[] =>
  [...useBench.getState().source.text.matchAll(/\bname:\s*["']?([\w.-]+)/g)].map(([, name = '']) => name).slice(0, 50);

let kept: { readonly doc: Text; readonly text: string } | undefined;
/** The text as it is now. */
export function currentText(): string {
  const { doc } = editor().state;
  if (kept?.doc !== doc) kept = { doc, text: doc.toString() };
  return kept.text;
}

function onUpdate(update: ViewUpdate): void {
  if (update.docChanged) {
    const { state } = update;
    useBench.setState(({ revision }) => ({
      revision: revision + 1,
      chars: state.doc.length,
      canUndo: undoDepth(state) > 0,
      canRedo: redoDepth(state) > 0,
    }));
    readSoon();
  } else if (
    update.selectionSet &&
    update.view.hasFocus &&
    update.transactions.some((one) => one.isUserEvent('select'))
  )
    followCursor(update.state);
}

/** The form goes where the cursor is. */
function followCursor(state: EditorState): void {
  const { source, behind, problem, selected, panel } = useBench.getState();
  if (behind || problem !== null || panel !== 'form') return;
  const section = sectionAt(source, state.selection.main.head);
  if (section.join('.') !== selected.join('.')) useBench.setState({ selected: section });
}

let timer: ReturnType<typeof setTimeout> | undefined;
const waiting = new Map<string, () => void>();
/** What to show once a long text has been read again. */
let selectThen: ((source: Source) => Section) | undefined;

function readSoon(): void {
  clearTimeout(timer);
  if (editor().state.doc.length <= AT_ONCE) return take(parse(currentText()), editor().state.doc);
  useBench.setState({ behind: true });
  timer = setTimeout(() => void readSliced(), REST);
}
async function readSliced(): Promise<void> {
  const { doc } = editor().state;
  const result = await parseSliced(currentText(), async () => {
    await new Promise((resolve) => setTimeout(resolve));
    return editor().state.doc === doc;
  });
  if (result !== undefined && editor().state.doc === doc) take(result, doc);
}
function take(result: Parsed, doc: Text): void {
  if (result.ok) {
    const { source } = result;
    const wanted = selectThen?.(source);
    selectThen = undefined;
    useBench.setState(({ selected }) => ({
      source,
      problem: null,
      behind: false,
      selected: existing(source, wanted ?? selected),
    }));
  } else
    useBench.setState({
      problem: result.problem,
      behind: false,
      ...(result.problem.large === true && { source: NOTHING, selected: [] }),
    });
  if (editor().state.doc !== doc) return;
  // A long text: what was written meanwhile follows, one at a time.
  const next = waiting.entries().next().value;
  if (next !== undefined) {
    waiting.delete(next[0]);
    next[1]();
  }
}
/** The nearest section that is still there. */
function existing(source: Source, section: Section): Section {
  if (section.length === 0 || offsetOf(source, section) !== undefined) return section;
  const last = section.at(-1);
  if (typeof last === 'number' && last > 0) return existing(source, [...section.slice(0, -1), last - 1]);
  return section[0] === 'experiment' && section.length > 1 ? existing(source, ['experiment']) : [];
}

/**
 * Writes something from the form. On a long text that is still being read it waits for that; a later one of the same
 * `key` replaces it.
 */
export function write(
  key: string,
  make: (source: Source) => readonly Change[],
  options: { readonly select?: (source: Source) => Section; readonly alone?: boolean } = {},
): void {
  const { behind, problem, source } = useBench.getState();
  if (behind) return void waiting.set(key, () => write(key, make, options));
  if (problem !== null)
    return toast(
      'warn',
      'The form rests',
      problem.large === true
        ? 'The file is too large for it: write in the text.'
        : 'The text cannot be read. Mend it, or undo, and the form goes on.',
    );
  const changes = make(source);
  if (changes.length === 0) return;
  const next = applied(source.text, changes);
  // What would break the text is not written: the text is worth more than a field.
  if (next.length <= AT_ONCE && !parse(next).ok)
    return toast('warn', 'This cannot be written from the form', 'Change it in the text at the right.');
  const { from = 0 } = changes[0] ?? {};
  editor().dispatch({
    changes: changes.map(({ from: start, to, insert }) => ({ from: start, to, insert })),
    effects: EditorView.scrollIntoView(Math.min(from, next.length), { y: 'nearest', yMargin: 40 }),
    userEvent: 'input.form',
    ...(options.alone === true && { annotations: isolateHistory.of('full') }),
  });
  if (options.select === undefined) return;
  // What was added is shown, wherever the user comes from.
  useBench.setState({ panel: 'form' });
  if (useBench.getState().behind) selectThen = options.select;
  else useBench.setState({ selected: options.select(useBench.getState().source) });
}

/** Puts another text in the place of all; one undo brings the old one back. */
export function replaceText(text: string, { fresh = false } = {}): void {
  if (fresh) {
    editor().setState(stateOf(text));
    useBench.setState(({ revision }) => ({
      revision: revision + 1,
      chars: text.length,
      canUndo: false,
      canRedo: false,
      selected: [],
    }));
    return readSoon();
  }
  editor().dispatch({
    changes: { from: 0, to: editor().state.doc.length, insert: text },
    selection: { anchor: 0 },
    annotations: isolateHistory.of('full'),
    userEvent: 'input.load',
    scrollIntoView: true,
  });
  useBench.setState({ selected: [], panel: 'form' });
}

/** Shows a section in the form and its beginning in the text. */
export function selectSection(section: Section): void {
  useBench.setState({ selected: section, panel: 'form' });
  const { source, behind, problem } = useBench.getState();
  const at = section.length === 0 ? 0 : offsetOf(source, section);
  if (at === undefined || behind || problem !== null) return;
  editor().dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'start', yMargin: 60 }) });
}

/** Puts the cursor on a place of the text. Lines and columns from 1. */
export function goToPlace(line: number, column: number): void {
  const { doc } = editor().state;
  const found = doc.line(Math.min(Math.max(1, line), doc.lines));
  goToOffset(Math.min(found.from + Math.max(0, column - 1), found.to));
}
export function goToOffset(at: number): void {
  const anchor = Math.min(at, editor().state.doc.length);
  editor().dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) });
  editor().focus();
}

export const undoText = (): void => void undo(editor());
export const redoText = (): void => void redo(editor());
