import { useMemo } from 'react';
import { type Action, useOffer } from '../../stores/actions.ts';
import {
  deleteBoard,
  duplicateBoard,
  newBoard,
  redo,
  removeWidget,
  resetBoard,
  showBoard,
  undo,
  useBoards,
} from '../../stores/boards.ts';
import { type Item, neighbour } from './model.ts';

/** What the board view does for an action that needs its dialogs or its expanded widget. */
export interface BoardPart {
  readonly onAdd: () => void;
  readonly onRename: () => void;
  readonly onSettings: (id: string) => void;
  readonly onExpand: (id: string | undefined) => void;
  readonly titleOf: (item: Item) => string;
}

/** The widget that has the keyboard, or the one that fills the board. */
const focused = (expanded: string | undefined): string | undefined =>
  expanded ?? document.activeElement?.closest<HTMLElement>('[data-widget]')?.dataset['widget'];

/** Everything that can be done on a board. Give memoised functions. */
export function useBoardActions(
  { onAdd, onRename, onSettings, onExpand, titleOf }: BoardPart,
  expanded: string | undefined,
): void {
  const boards = useBoards((state) => state.boards);
  const current = useBoards((state) => state.current);
  const actions = useMemo((): readonly Action[] => {
    const group = 'Board';
    const all = { boards, current };
    const items = boards.find(({ id }) => id === current)?.items ?? [];
    const withFocused = (run: (item: Item) => void) => (): void => {
      const item = items.find(({ id }) => id === focused(expanded));
      if (item !== undefined) run(item);
    };
    return [
      { id: 'widget-add', title: 'Add a widget', group, keys: 'b a', run: onAdd },
      {
        id: 'widget-expand',
        title: 'Expand the focused widget, or bring it back',
        group,
        keys: 'e',
        run: withFocused(({ id }) => onExpand(expanded === undefined ? id : undefined)),
      },
      {
        id: 'widget-settings',
        title: 'Settings of the focused widget',
        group,
        keys: 's',
        run: withFocused(({ id }) => onSettings(id)),
      },
      {
        id: 'widget-remove',
        title: 'Remove the focused widget',
        group,
        keys: 'Delete',
        run: withFocused((item) => (onExpand(undefined), removeWidget(item.id, titleOf(item)))),
      },
      ...(expanded === undefined
        ? []
        : [
            {
              id: 'widget-back',
              title: 'Back to the board',
              group,
              keys: 'Escape',
              always: true,
              run: () => onExpand(undefined),
            } as const,
          ]),
      ...items.map((item): Action => ({
        id: `widget-expand-${item.id}`,
        title: `Expand ${titleOf(item)}`,
        group,
        run: () => onExpand(item.id),
      })),
      { id: 'board-next', title: 'Next board', group, keys: 'b n', run: () => showBoard(neighbour(all, 1)) },
      { id: 'board-previous', title: 'Previous board', group, keys: 'b p', run: () => showBoard(neighbour(all, -1)) },
      { id: 'board-new', title: 'New board', group, keys: 'b c', run: newBoard },
      { id: 'board-rename', title: 'Rename this board', group, keys: 'b r', run: onRename },
      { id: 'board-duplicate', title: 'Duplicate this board', group, keys: 'b d', run: () => duplicateBoard(current) },
      { id: 'board-delete', title: 'Delete this board', group, keys: 'b x', run: () => deleteBoard(current) },
      { id: 'board-reset', title: 'Reset this board to the first layout', group, run: resetBoard },
      { id: 'board-undo', title: 'Undo the last change of the boards', group, keys: 'mod+z', run: () => void undo() },
      { id: 'board-redo', title: 'Redo the change of the boards', group, keys: 'mod+shift+z', run: () => void redo() },
      ...boards.slice(0, 9).map(({ id, name }, index): Action => ({
        id: `board-${index + 1}`,
        title: `Show board ${name}`,
        group,
        keys: `g ${index + 1}`,
        run: () => showBoard(id),
      })),
    ];
  }, [boards, current, expanded, onAdd, onRename, onSettings, onExpand, titleOf]);
  useOffer(actions);
}
