import { Plus } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { addWidget, configureWidget, useBoards } from '../../stores/boards.ts';
import { Button, Empty, Loading } from '../../ui/controls.tsx';
import { type Widget } from '../../widgets/widget.ts';
import { WIDGETS } from '../../widgets/widgets.ts';
import { useBoardActions } from './actions.ts';
import { Bar, Rename } from './bar.tsx';
import css from './board.module.css';
import { settingsOf } from './frame.tsx';
import { Gallery } from './gallery.tsx';
import { Grid } from './grid.tsx';
import { type Item, currentOf } from './model.ts';
import { Settings } from './settings.tsx';

const KNOWN: ReadonlyMap<string, Widget> = new Map(WIDGETS.map((widget) => [widget.type, widget]));
const titleOf = ({ type }: Item): string => KNOWN.get(type)?.title ?? type;

/** The board: widgets that everybody in the room looks at. */
export default function View(): ReactNode {
  const loaded = useBoards((state) => state.loaded);
  return loaded ? <Boards /> : <Loading what="Asking the engine for your boards …" />;
}

type Open =
  { readonly dialog: 'gallery' | 'rename' } | { readonly dialog: 'settings'; readonly id: string } | undefined;

function Boards(): ReactNode {
  const boards = useBoards((state) => state.boards);
  const current = useBoards((state) => state.current);
  const board = currentOf({ boards, current });
  const [open, setOpen] = useState<Open>();
  const [wanted, setExpanded] = useState<string>();
  // One that was removed, or is on another board, fills nothing.
  const expanded = board.items.some(({ id }) => id === wanted) ? wanted : undefined;
  const part = useMemo(
    () => ({
      onAdd: () => setOpen({ dialog: 'gallery' }),
      onRename: () => setOpen({ dialog: 'rename' }),
      onSettings: (id: string) => setOpen({ dialog: 'settings', id }),
      onExpand: setExpanded,
      titleOf,
    }),
    [],
  );
  useBoardActions(part, expanded);
  const close = (): void => setOpen(undefined);
  const item = open?.dialog === 'settings' ? board.items.find(({ id }) => id === open.id) : undefined;
  const widget = item === undefined ? undefined : KNOWN.get(item.type);
  const add = (chosen: Widget): void => {
    close();
    const id = addWidget(chosen.type, chosen.size, {});
    requestAnimationFrame(() => document.querySelector(`[data-widget="${id}"]`)?.scrollIntoView({ block: 'nearest' }));
  };
  return (
    <div className={css['board']}>
      <Bar boards={boards} current={board} onAdd={part.onAdd} onRename={part.onRename} />
      <div className={css['area']}>
        <div className={css['scroller']}>
          {board.items.length === 0 ? (
            <Empty
              title="This board is empty"
              action={
                <Button look="primary" icon={Plus} onClick={part.onAdd}>
                  Add widget
                </Button>
              }
            >
              Put on it what this room shall look at.
            </Empty>
          ) : (
            <Grid
              key={board.id}
              items={board.items}
              widgets={KNOWN}
              expanded={expanded}
              onExpand={(id) => setExpanded(expanded === id ? undefined : id)}
              onSettings={part.onSettings}
            />
          )}
        </div>
      </div>
      <Gallery open={open?.dialog === 'gallery'} onClose={close} onChoose={add} />
      {open?.dialog === 'rename' && <Rename board={board} onClose={close} />}
      {item !== undefined && widget !== undefined && (
        <Settings
          widget={widget}
          settings={settingsOf(widget, item.settings)}
          onSave={(settings) => configureWidget(item.id, settings)}
          onClose={close}
        />
      )}
    </div>
  );
}
