import { type ReactNode, useEffect, useRef, useState } from 'react';
import { z } from 'zod';
import { type WidgetProps, defineWidget } from '../widget.ts';
import css from './widget.module.css';

/** Of the 256 KiB that the engine keeps for all boards together. */
const MOST_CHARS = 20_000;
const settings = z.object({ text: z.string().max(MOST_CHARS).default('').meta({ hidden: true }) });
type Settings = z.infer<typeof settings>;

/** Typing within this time is kept as one change, milliseconds. */
const SETTLE = 400;

function Notes({ settings: { text: kept }, change }: WidgetProps<Settings>): ReactNode {
  const [text, setText] = useState(kept);
  const waiting = useRef<{ readonly timer: ReturnType<typeof setTimeout>; readonly text: string }>(undefined);
  const save = useRef(change);
  save.current = change;
  const flush = (): void => {
    if (waiting.current === undefined) return;
    clearTimeout(waiting.current.timer);
    save.current({ text: waiting.current.text });
    waiting.current = undefined;
  };
  // What was typed last must be kept also when the page is left at once; in the capture phase, before the store saves.
  useEffect(() => {
    addEventListener('pagehide', flush, true);
    return () => {
      removeEventListener('pagehide', flush, true);
      flush();
    };
  }, []);
  // Changed elsewhere (undo): shown, unless one is typing here.
  useEffect(() => {
    if (waiting.current === undefined) setText(kept);
  }, [kept]);
  const type = (next: string): void => {
    setText(next);
    clearTimeout(waiting.current?.timer);
    waiting.current = { text: next, timer: setTimeout(flush, SETTLE) };
  };
  return (
    <textarea
      className={css['notes']}
      aria-label="Notes"
      value={text}
      maxLength={MOST_CHARS}
      spellCheck={false}
      placeholder="Who plays which part, what to try next, what was seen. Kept as you type."
      onChange={(event) => type(event.target.value)}
      onBlur={flush}
    />
  );
}

export const notes = defineWidget<Settings>({
  type: 'notes',
  title: 'Notes',
  about: 'Plain text for this room, kept as one types.',
  size: { w: 3, h: 4 },
  least: { w: 2, h: 2 },
  settings,
  component: Notes,
});
