import { Copy, Ellipsis, PencilLine, Plus, Redo2, RotateCcw, Trash2, Undo2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import {
  deleteBoard,
  duplicateBoard,
  newBoard,
  redo,
  rename,
  resetBoard,
  showBoard,
  undo,
} from '../../stores/boards.ts';
import { Button, IconButton } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Form } from '../../ui/field.tsx';
import { Menu } from '../../ui/menu.tsx';
import css from './board.module.css';
import { type Board, MOST_NAME } from './model.ts';

export interface BarProps {
  readonly boards: readonly Board[];
  readonly current: Board;
  readonly onAdd: () => void;
  readonly onRename: () => void;
}

/** The boards there are, and what can be done with the one on show. */
export function Bar({ boards, current, onAdd, onRename }: BarProps): ReactNode {
  return (
    <div className={css['bar']}>
      <nav className={css['tabs']} aria-label="Boards">
        {boards.map(({ id, name }, index) => (
          <button
            key={id}
            type="button"
            className={css['tab']}
            aria-current={id === current.id ? 'true' : undefined}
            title={index < 9 ? `G then ${index + 1}` : name}
            onClick={() => showBoard(id)}
          >
            {name}
          </button>
        ))}
      </nav>
      <IconButton label="New board" icon={Plus} onClick={newBoard} />
      <span className={css['rest']} />
      <Button look="quiet" icon={Plus} onClick={onAdd}>
        Add widget
      </Button>
      <Menu
        label="Menu of the board"
        items={[
          { label: 'Rename', icon: PencilLine, run: onRename },
          { label: 'Duplicate', icon: Copy, run: () => duplicateBoard(current.id) },
          { label: 'Undo', icon: Undo2, keys: 'Ctrl Z', run: () => void undo() },
          { label: 'Redo', icon: Redo2, keys: 'Ctrl Shift Z', run: () => void redo() },
          { label: 'Reset to the first layout', icon: RotateCcw, run: resetBoard },
          { label: 'Delete', icon: Trash2, danger: true, run: () => deleteBoard(current.id) },
        ]}
      >
        <IconButton label="Menu of the board" icon={Ellipsis} />
      </Menu>
    </div>
  );
}

export function Rename({ board, onClose }: { readonly board: Board; readonly onClose: () => void }): ReactNode {
  const [name, setName] = useState(board.name);
  const save = (): void => {
    if (name.trim() === '') return;
    rename(board.id, name);
    onClose();
  };
  return (
    <Dialog open onClose={onClose} title="Rename the board">
      <Form
        onSubmit={save}
        buttons={
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look="primary" disabled={name.trim() === ''}>
              Rename
            </Button>
          </>
        }
      >
        <Field title="Name">
          {(tie) => (
            <input
              type="text"
              {...tie}
              value={name}
              maxLength={MOST_NAME}
              autoFocus
              onFocus={(event) => event.target.select()}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
      </Form>
    </Dialog>
  );
}
