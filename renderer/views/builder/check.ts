import { create } from 'zustand';
import { type FileSummary } from '../../../engine/contract/api.ts';
import { type FileIssue, type GuardResult, type Route } from '../../../engine/contract/models.ts';
import { standIns } from '../../forms/locate.ts';
import { engine, follow, useConnection } from '../../stores/connection.ts';
import { useDraft } from '../../stores/draft.ts';
import { currentText, editor, useBench } from './bench.ts';
import { showIssues } from './editor.ts';

/** What the engine says of the text, as one types: the newest text wins, and the last good answer stays until then. */

interface Check {
  /** Of the last text that was valid; null before there was one. */
  readonly good: { readonly summary: FileSummary; readonly guard: GuardResult } | null;
  /** What is wrong with the last text that was looked at. */
  readonly issues: readonly FileIssue[];
  readonly valid: boolean;
  /** Which revision of the text this is about. */
  readonly revision: number;
  /** Why the engine could not be asked; '' when it could. */
  readonly trouble: string;
}
export const useCheck = create<Check>()(() => ({ good: null, issues: [], valid: false, revision: -1, trouble: '' }));

/** How long the keyboard must rest, milliseconds; longer for a text that takes the engine long. */
const REST = 150;
const REST_LONG = 1_000;
const LONG = 300_000;

/** What goes to the engine with every question about the text. */
export function asked(): { text: string; file: string; routes: Route[] } {
  return { text: currentText(), file: fileName(), routes: [...usedRoutes()] };
}
export const fileName = (): string => useDraft.getState().file || 'untitled.yaml';
export function usedRoutes(): readonly Route[] {
  const { source, problem } = useBench.getState();
  const open = useConnection.getState().status?.routes ?? [];
  // A file that is too large for the form: a route that it names is somewhere in its text.
  return problem?.large === true ? open.filter(({ name }) => currentText().includes(name)) : standIns(source, open);
}

let timer: ReturnType<typeof setTimeout> | undefined;
let running = new AbortController();

export function checkSoon(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void checkNow(), useBench.getState().chars > LONG ? REST_LONG : REST);
}
async function checkNow(): Promise<void> {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const { revision, chars } = useBench.getState();
  if (chars === 0) {
    useCheck.setState({ good: null, issues: [], valid: false, revision, trouble: '' });
    return showIssues(editor(), []);
  }
  try {
    const answer = await engine().query('validate', asked(), signal);
    if (signal.aborted || useBench.getState().revision !== revision) return;
    if (answer.ok) useCheck.setState({ good: answer, issues: [], valid: true, revision, trouble: '' });
    else useCheck.setState({ issues: answer.issues, valid: false, revision, trouble: '' });
    showIssues(editor(), answer.ok ? [] : answer.issues);
  } catch (error) {
    if (!signal.aborted) useCheck.setState({ trouble: error instanceof Error ? error.message : String(error) });
  }
}

/** Looks at every change of the text, and again when another engine comes or its routes change. */
export function followText(): void {
  useBench.subscribe(({ revision }, before) => revision !== before.revision && checkSoon());
  useConnection.subscribe(({ status }, before) => {
    if (JSON.stringify(status?.routes) !== JSON.stringify(before.status?.routes)) checkSoon();
  });
  follow(async () => checkSoon());
}
