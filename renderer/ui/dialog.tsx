import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { type ReactNode, useRef } from 'react';
import { IconButton } from './controls.tsx';
import css from './dialog.module.css';

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  /** One sentence below the title; also what a screen reader says first. */
  readonly about?: string;
  readonly wide?: boolean;
  readonly children: ReactNode;
}

/** A dialog that keeps the keyboard until it is closed; Esc closes it. HALT stays in reach above it. */
export function Dialog({ open, onClose, title, about, wide = false, children }: DialogProps): ReactNode {
  // What had the keyboard gets it back: without a trigger Radix would leave it nowhere. Looked up while drawing, for an
  // input that takes the keyboard by itself has it before any effect.
  const before = useRef<{ readonly open: boolean; readonly focus: Element | null }>({ open: false, focus: null });
  if (open !== before.current.open)
    before.current = { open, focus: open ? document.activeElement : before.current.focus };
  return (
    <Radix.Root open={open} onOpenChange={(now) => !now && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={css['overlay']} />
        <Radix.Content
          className={`${css['content']} ${wide ? css['wide'] : ''}`}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (before.current.focus instanceof HTMLElement) before.current.focus.focus();
          }}
          {...(about === undefined ? { 'aria-describedby': undefined } : {})}
        >
          <header className={css['header']}>
            <Radix.Title className={css['title']}>{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton label="Close" icon={X} />
            </Radix.Close>
          </header>
          {about !== undefined && <Radix.Description className={css['about']}>{about}</Radix.Description>}
          <div className={css['body']}>{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
