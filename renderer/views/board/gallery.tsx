import { type ReactNode } from 'react';
import { Dialog } from '../../ui/dialog.tsx';
import { type Widget } from '../../widgets/widget.ts';
import { WIDGETS } from '../../widgets/widgets.ts';
import css from './board.module.css';

/** Every widget there is, to choose from. */
export function Gallery({
  open,
  onClose,
  onChoose,
}: {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onChoose: (widget: Widget) => void;
}): ReactNode {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title="Add a widget"
      about="It takes the first free place; drag it where you want it."
      wide
    >
      <ul className={css['gallery']}>
        {WIDGETS.map((widget, index) => (
          <li key={widget.type}>
            <button type="button" autoFocus={index === 0} className={css['choice']} onClick={() => onChoose(widget)}>
              <strong>{widget.title}</strong>
              <span>{widget.about}</span>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
