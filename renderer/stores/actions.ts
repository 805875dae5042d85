import { useEffect } from 'react';
import { create } from 'zustand';

/**
 * Everything a person can do here, once: the command palette lists it, the cheat sheet shows its keys, the keyboard
 * runs it.
 */
export interface Action {
  readonly id: string;
  readonly title: string;
  /** Heading in palette and cheat sheet. */
  readonly group: 'Safety' | 'Go to' | 'Board' | 'Policy' | 'Runs' | 'Room';
  /** Such as `mod+k`, `?`, `g b` (one after the other), `F8`. `mod` is Ctrl, or Cmd on a Mac. */
  readonly keys?: string;
  /** Also while one types in a field. */
  readonly always?: boolean;
  /** Before whatever has the keyboard, such as an editor with a use of its own for the key. For HALT alone. */
  readonly first?: boolean;
  /** Why it cannot be done now; '' or absent when it can. */
  readonly disabled?: string;
  run(): void;
}

interface Actions {
  readonly actions: readonly Action[];
}
export const useActions = create<Actions>()(() => ({ actions: [] }));

/** Offers actions until disposed; a later one of the same id replaces an earlier. */
export function offer(actions: readonly Action[]): Disposable {
  useActions.setState(({ actions: before }) => ({
    actions: [...before.filter(({ id }) => !actions.some((one) => one.id === id)), ...actions],
  }));
  return {
    [Symbol.dispose]: () =>
      useActions.setState(({ actions: now }) => ({ actions: now.filter((one) => !actions.includes(one)) })),
  };
}

/** Offers actions while the component is there. Give a memoised list. */
export function useOffer(actions: readonly Action[]): void {
  useEffect(() => {
    const offered = offer(actions);
    return () => offered[Symbol.dispose]();
  }, [actions]);
}

/** How long an action may take to be offered, milliseconds: a view is loaded when it is first gone to. */
const OFFERED_WITHIN = 3_000;

/** Runs an action by its id, waiting a moment for the view that offers it. @returns whether there was one that could be run. */
export async function runAction(id: string): Promise<boolean> {
  const find = (): Action | undefined => useActions.getState().actions.find((action) => action.id === id);
  const found =
    find() ??
    (await new Promise<Action | undefined>((resolve) => {
      const stop = useActions.subscribe(() => {
        const action = find();
        if (action !== undefined) end(action);
      });
      const timer = setTimeout(() => end(undefined), OFFERED_WITHIN);
      const end = (action: Action | undefined): void => {
        stop();
        clearTimeout(timer);
        resolve(action);
      };
    }));
  if (found === undefined || (found.disabled ?? '') !== '') return false;
  found.run();
  return true;
}

const IS_MAC = /Mac/.test(navigator.platform);
/** How keys are written for people: `Ctrl K`, `⌘ K`, `G then B`. */
export const keysText = (keys: string): string =>
  keys
    .split(' ')
    .map((chord) =>
      chord
        .split('+')
        .map((key) => (key === 'mod' ? (IS_MAC ? '⌘' : 'Ctrl') : key.length === 1 ? key.toUpperCase() : key))
        .join(' '),
    )
    .join(' then ');

/** How long the second key of a sequence is waited for, milliseconds. */
const SEQUENCE = 1_200;

/** Runs actions by their keys. */
export function listenToKeys(): Disposable {
  let pending = '';
  let pendingUntil = 0;
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || ['Shift', 'Control', 'Alt', 'Meta'].includes(event.key)) return;
    const chord = chordOf(event);
    const typed = performance.now() < pendingUntil ? `${pending} ${chord}` : chord;
    const typing = isTyping(event.target);
    // A dialog has the keyboard to itself, but for what is always allowed.
    const modal = document.querySelector('[role="dialog"][data-state="open"], [role="alertdialog"]') !== null;
    const usable = useActions
      .getState()
      .actions.filter(({ keys, always }) => keys !== undefined && (always === true || (!typing && !modal)));
    const found = usable.find(({ keys }) => keys === typed) ?? usable.find(({ keys }) => keys === chord);
    [pending, pendingUntil] = ['', 0];
    if (found !== undefined) {
      event.preventDefault();
      if ((found.disabled ?? '') === '') found.run();
    } else if (usable.some(({ keys }) => keys?.startsWith(`${chord} `))) {
      [pending, pendingUntil] = [chord, performance.now() + SEQUENCE];
    }
  };
  const onFirst = (event: KeyboardEvent): void => {
    const found = useActions.getState().actions.find(({ first, keys }) => first === true && keys === chordOf(event));
    if (found === undefined) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    // A key that is held down is one press.
    if (!event.repeat) found.run();
  };
  addEventListener('keydown', onFirst, true);
  addEventListener('keydown', onKey);
  return {
    [Symbol.dispose]: () => {
      removeEventListener('keydown', onFirst, true);
      removeEventListener('keydown', onKey);
    },
  };
}

function chordOf({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): string {
  const named = key === ' ' ? 'Space' : key.length === 1 ? key.toLowerCase() : key;
  const mod = IS_MAC ? metaKey : ctrlKey;
  // The shift of `?` is part of the character.
  const shift = shiftKey && (key.length > 1 || mod || altKey);
  return [mod ? 'mod' : '', altKey ? 'alt' : '', shift ? 'shift' : '', named].filter(Boolean).join('+');
}
function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
