import { create } from 'zustand';

export interface Toast {
  readonly id: number;
  readonly tone: 'info' | 'ok' | 'warn' | 'bad';
  readonly title: string;
  readonly text: string;
  /** What can be done about it, as a button, such as Undo; pressing it also closes the toast. */
  readonly action?: { readonly label: string; run(): void };
}
interface Toasts {
  readonly toasts: readonly Toast[];
}
export const useToasts = create<Toasts>()(() => ({ toasts: [] }));

let next = 1;
/** How long a toast stays, milliseconds; a bad one stays until it is closed. */
const STAY = 6_000;

/** Tells something in passing, in the corner away from HALT. */
export function toast(tone: Toast['tone'], title: string, text = '', action?: NonNullable<Toast['action']>): void {
  const id = next++;
  const added: Toast = { id, tone, title, text, ...(action === undefined ? {} : { action }) };
  useToasts.setState(({ toasts }) => ({ toasts: makeRoom([...toasts, added]) }));
  if (tone !== 'bad') setTimeout(() => dismiss(id), STAY);
}
/** At most so many at once. */
const MOST = 4;
/** What was said in passing makes way first; of what waits to be closed, the oldest. */
export function makeRoom(toasts: readonly Toast[]): readonly Toast[] {
  if (toasts.length <= MOST) return toasts;
  const leaves = toasts.slice(0, -1).find(({ tone }) => tone !== 'bad') ?? toasts[0];
  return toasts.filter((one) => one !== leaves);
}

export function dismiss(id: number): void {
  useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((one) => one.id !== id) }));
}

/** What went wrong, with its remedy when it has one. */
export function toastError(title: string, error: unknown): void {
  const { message, hint } = error as { message?: string; hint?: string };
  toast('bad', title, [message ?? String(error), hint ?? ''].filter(Boolean).join(' '));
}
