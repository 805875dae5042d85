import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  type CompletionContext,
  completionKeymap,
  type CompletionResult,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from '@codemirror/language';
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { type Extension } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
  tooltips,
  type ViewUpdate,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { type FileIssue } from '../../../engine/contract/models.ts';
import { offersAt } from '../../forms/complete.ts';
import { STYLE_NONCE } from '../../ui/nonce.ts';
import { yamlSupport } from './language.ts';

/** The YAML editor: CodeMirror in the room's colours, with completion from the schemas of the file. */

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: 'var(--series-1)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--series-6)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--series-2)' },
  { tag: tags.content, color: 'var(--text)' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--muted)', fontStyle: 'italic' },
  { tag: [tags.keyword, tags.labelName, tags.typeName, tags.meta], color: 'var(--series-3)' },
  { tag: [tags.punctuation, tags.separator, tags.brace, tags.squareBracket], color: 'var(--muted)' },
]);

const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--text)', backgroundColor: 'var(--surface)', fontSize: 'var(--text-s)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55', overflow: 'auto', fontVariantLigatures: 'none' },
  '.cm-content': { caretColor: 'var(--text)', padding: 'var(--space-2) 0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)', borderLeftWidth: '2px' },
  '.cm-gutters': {
    backgroundColor: 'var(--surface)',
    color: 'var(--muted)',
    border: 'none',
    borderRight: '1px solid var(--line)',
  },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in oklab, var(--surface), var(--text) 4%)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--accent-soft)',
  },
  '.cm-selectionMatch': { backgroundColor: 'var(--warn-soft)' },
  '.cm-searchMatch': { backgroundColor: 'var(--warn-soft)', outline: '1px solid var(--warn)' },
  '.cm-searchMatch-selected': { outline: '2px solid var(--accent)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--accent)' },
  '.cm-panels': { backgroundColor: 'var(--surface)', color: 'var(--text)', borderColor: 'var(--line)' },
  '.cm-panels input, .cm-panels button': { font: 'inherit', fontSize: 'var(--text-s)' },
  '.cm-textfield': {
    backgroundColor: 'var(--sunken)',
    color: 'var(--text)',
    border: '1px solid var(--line-strong)',
    borderRadius: 'var(--radius-s)',
  },
  '.cm-button': {
    backgroundImage: 'none',
    backgroundColor: 'var(--raised)',
    color: 'var(--text)',
    border: '1px solid var(--line-strong)',
    borderRadius: 'var(--radius-s)',
  },
  '.cm-panel.cm-search [name=close]': { color: 'var(--text)', fontSize: 'var(--text-l)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--raised)',
    color: 'var(--text)',
    border: '1px solid var(--line-strong)',
    borderRadius: 'var(--radius-s)',
    boxShadow: 'var(--shadow)',
    fontFamily: 'var(--font)',
  },
  '.cm-tooltip-autocomplete > ul > li': { padding: '0.2rem 0.5rem', fontFamily: 'var(--mono)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-completionDetail': { marginLeft: '1em', fontStyle: 'normal', opacity: '0.85' },
  '.cm-completionInfo': { maxWidth: '24rem', padding: '0.4rem 0.6rem', lineHeight: '1.45' },
  '.cm-diagnostic': { padding: '0.4rem 0.6rem', maxWidth: '32rem', whiteSpace: 'pre-wrap' },
  '.cm-diagnostic-error': { borderLeft: '4px solid var(--bad)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--bad)',
    textUnderlineOffset: '3px',
  },
  '.cm-lintPoint-error:after': { borderBottomColor: 'var(--bad)' },
  '.cm-lint-marker-error': {
    content: 'none',
    width: '0.65rem',
    height: '0.65rem',
    margin: '0.3rem 0 0 0.15rem',
    borderRadius: '50%',
    backgroundColor: 'var(--bad)',
  },
  '.cm-foldPlaceholder': { backgroundColor: 'var(--raised)', border: '1px solid var(--line)', color: 'var(--muted)' },
  // Drawn, and not written: what the room's fonts lack comes from the machine's, and moved the text by its width there.
  '.cm-foldMarker': { width: '0.65rem', cursor: 'pointer', color: 'var(--muted)' },
  '.cm-foldMarker:before': {
    content: '""',
    display: 'inline-block',
    width: '0.3rem',
    height: '0.3rem',
    margin: '0 0 0.15rem 0.15rem',
    borderRight: '1.5px solid',
    borderBottom: '1.5px solid',
    transform: 'rotate(45deg)',
  },
  '.cm-foldMarker-folded:before': { transform: 'rotate(-45deg)' },
});

function foldMarker(open: boolean): HTMLElement {
  const marker = document.createElement('div');
  marker.className = open ? 'cm-foldMarker' : 'cm-foldMarker cm-foldMarker-folded';
  marker.title = open ? 'Fold line' : 'Unfold line';
  return marker;
}

export interface EditorParts {
  /** What the editor's own input or the form changed. */
  readonly onUpdate: (update: ViewUpdate) => void;
  readonly routeNames: () => readonly string[];
}

/** Everything the editor can do, but for its text. */
export function extensions({ onUpdate, routeNames }: EditorParts): Extension {
  const complete = (context: CompletionContext): CompletionResult | null => {
    const line = context.state.doc.lineAt(context.pos);
    // Nothing is offered behind a value that is done, unless it is asked for.
    if (!context.explicit && !/[\w{,:-]\s?$|^\s*$|-\s+$/.test(line.text.slice(0, context.pos - line.from))) return null;
    if (!context.explicit && /^\s*$/.test(line.text.slice(0, context.pos - line.from)) && line.text.trim() !== '')
      return null;
    const found = offersAt(context.state.doc.toString(), context.pos, routeNames());
    if (found === undefined || found.offers.length === 0) return null;
    return {
      from: found.from,
      options: found.offers.map(({ label, insert = label, detail, info, kind }, index) => ({
        label,
        apply: insert,
        detail,
        info,
        type: kind === 'field' ? 'property' : 'enum',
        boost: -index / 10,
      })),
      validFor: /^[\w.-]*$/,
    };
  };
  return [
    EditorView.cspNonce.of(STYLE_NONCE),
    lineNumbers(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    history(),
    drawSelection(),
    foldGutter({ markerDOM: foldMarker }),
    bracketMatching(),
    closeBrackets(),
    indentOnInput(),
    indentUnit.of('  '),
    yamlSupport(),
    syntaxHighlighting(colours),
    theme,
    lintGutter(),
    search({ top: true }),
    highlightSelectionMatches(),
    autocompletion({ override: [complete], icons: false }),
    tooltips({ position: 'fixed' }),
    EditorView.contentAttributes.of({
      'aria-label': 'The file as YAML. Esc, then Tab leaves the editor.',
      spellcheck: 'false',
      tabindex: '0',
    }),
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      { key: 'Tab', run: acceptCompletion },
      ...defaultKeymap.filter(({ key }) => key !== 'Mod-Enter'),
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...lintKeymap,
      // CodeMirror lets Tab through to the page after Esc, so that the keyboard is never caught here.
      indentWithTab,
    ]),
    EditorView.updateListener.of(onUpdate),
  ];
}

/** Marks issues in the text, each from its place to the end of the word or value there. */
export function showIssues(view: EditorView, issues: readonly FileIssue[]): void {
  const { doc } = view.state;
  const marks = issues
    .slice(0, 500)
    .filter(({ line }) => line >= 1)
    .map((issue): Diagnostic => {
      const line = doc.line(Math.min(issue.line, doc.lines));
      const from = Math.min(line.from + Math.max(0, issue.column - 1), line.to);
      const word = /^(?:"[^"]*"|'[^']*'|[^\s,{}[\]#]+)/.exec(doc.sliceString(from, line.to))?.[0].length ?? 0;
      return {
        from,
        to: from + word,
        severity: 'error',
        message: issue.hint === '' ? issue.message : `${issue.message}\n${issue.hint}`,
      };
    });
  view.dispatch(setDiagnostics(view.state, marks));
}
