import { X } from 'lucide-react';
import { type ReactNode } from 'react';
import { type Toast, dismiss, useToasts } from '../stores/toasts.ts';
import { Button, IconButton, Shape, type Tone } from '../ui/controls.tsx';
import css from './toasts.module.css';

const TONES: Readonly<Record<Toast['tone'], Tone>> = { info: 'accent', ok: 'ok', warn: 'warn', bad: 'bad' };

/** In the corner opposite to HALT, never over it. */
export function Toasts(): ReactNode {
  const toasts = useToasts((state) => state.toasts);
  return (
    <ol className={css['toasts']} aria-live="polite" aria-label="Messages">
      {toasts.map(({ id, tone, title, text, action }) => (
        <li key={id} className={css[tone]} role={tone === 'bad' ? 'alert' : undefined}>
          <Shape tone={TONES[tone]} />
          <div>
            <strong>{title}</strong>
            {text !== '' && <p>{text}</p>}
          </div>
          {action !== undefined && <Button onClick={() => (action.run(), dismiss(id))}>{action.label}</Button>}
          <IconButton label="Close message" icon={X} onClick={() => dismiss(id)} />
        </li>
      ))}
    </ol>
  );
}
