import { DropdownMenu } from 'radix-ui';
import { type ReactNode, useRef } from 'react';
import { type ButtonProps } from './controls.tsx';
import css from './menu.module.css';

export interface MenuItem {
  readonly label: string;
  readonly icon?: NonNullable<ButtonProps['icon']>;
  /** Such as `E`; shown, not listened to. */
  readonly keys?: string;
  readonly disabled?: boolean;
  /** What cannot be taken back by the same way, in red. */
  readonly danger?: boolean;
  run(): void;
}

/** A menu that opens from a button (`children`, one element that takes a ref) and works by arrows and letters. */
export function Menu({
  items,
  label,
  children,
}: {
  readonly items: readonly MenuItem[];
  readonly label: string;
  readonly children: ReactNode;
}): ReactNode {
  // Run once the menu has given the keyboard back to its button: a dialog then returns it there, not to an item that is gone.
  const chosen = useRef<() => void>(undefined);
  const runChosen = (): void => {
    const run = chosen.current;
    chosen.current = undefined;
    if (run !== undefined) queueMicrotask(run);
  };
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{children}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          className={css['menu']}
          aria-label={label}
          align="end"
          sideOffset={4}
          collisionPadding={8}
          onCloseAutoFocus={runChosen}
        >
          {items.map(({ label, icon: Icon, keys, disabled = false, danger = false, run }) => (
            <DropdownMenu.Item
              key={label}
              className={danger ? `${css['item']} ${css['danger']}` : css['item']}
              disabled={disabled}
              onSelect={() => (chosen.current = run)}
            >
              <span className={css['icon']}>{Icon !== undefined && <Icon size="1.1em" aria-hidden />}</span>
              <span>{label}</span>
              {keys !== undefined && <span className={css['keys']}>{keys}</span>}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
