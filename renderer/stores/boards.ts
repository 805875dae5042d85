import { defaultBoards, defaultItems, emptyBoard } from '../views/board/default.ts';
import { type Place } from '../views/board/layout.ts';
import {
  type Boards,
  type Item,
  addBoard,
  addItem,
  arrange,
  boardsSchema,
  configure,
  currentOf,
  freeName,
  removeBoard,
  removeItem,
  renameBoard,
  replaceItems,
  restoreBoard,
  show,
} from '../views/board/model.ts';
import { type Size } from '../widgets/widget.ts';
import { persisted } from './persisted.ts';
import { toast } from './toasts.ts';

const newId = (): string => crypto.randomUUID().slice(0, 12);

/** The boards, kept by the engine. */
export const useBoards = persisted<Boards>('boards', boardsSchema, defaultBoards(newId), { shared: true });

const now = (): Boards => {
  const { boards, current } = useBoards.getState();
  return { boards, current };
};
const set = (next: Boards): void => useBoards.setState(next);

/** How many changes can be taken back. */
const MOST_UNDO = 50;
let undone: Boards[] = [];
let done: Boards[] = [];

/** A change that can be taken back. */
function change(next: Boards): void {
  const before = now();
  if (JSON.stringify(next) === JSON.stringify(before)) return;
  done = [...done.slice(1 - MOST_UNDO), before];
  undone = [];
  set(next);
}
/** Takes the last change back; false when there is none. */
export function undo(): boolean {
  const before = done.pop();
  if (before === undefined) return false;
  undone.push(now());
  set(before);
  return true;
}
export function redo(): boolean {
  const after = undone.pop();
  if (after === undefined) return false;
  done.push(now());
  set(after);
  return true;
}

export const showBoard = (id: string): void => set(show(now(), id));

/** Adds an empty board and shows it. */
export const newBoard = (): void => change(addBoard(now(), emptyBoard(newId(), freeName(now(), 'Board'))));
export const rename = (id: string, name: string): void => change(renameBoard(now(), id, name));
export function duplicateBoard(id: string): void {
  const board = now().boards.find((one) => one.id === id);
  if (board === undefined) return;
  const items = board.items.map((item) => ({ ...item, id: newId() }));
  change(addBoard(now(), { id: newId(), name: freeName(now(), board.name), items }));
}
export function deleteBoard(id: string): void {
  const boards = now();
  const at = boards.boards.findIndex((one) => one.id === id);
  const board = boards.boards[at];
  if (board === undefined) return;
  change(removeBoard(boards, id, emptyBoard(newId(), 'Board')));
  toast('info', `Board ${board.name} deleted`, '', {
    label: 'Undo',
    run: () => change(restoreBoard(now(), board, at)),
  });
}
/** Puts the default widgets on the current board in place of its own. */
export function resetBoard(): void {
  const { id, name, items } = currentOf(now());
  change(replaceItems(now(), id, defaultItems(newId)));
  toast('info', `Board ${name} reset`, '', { label: 'Undo', run: () => change(replaceItems(now(), id, items)) });
}

/** Adds a widget to the current board, in the first gap that holds it; answers with its id. */
export function addWidget(type: string, size: Size, settings: Item['settings']): string {
  const item: Item = { id: newId(), type, x: 0, y: 0, ...size, settings };
  change(addItem(now(), currentOf(now()).id, item, true));
  return item.id;
}
/** @param title for the message that offers the undo. */
export function removeWidget(id: string, title: string): void {
  const board = currentOf(now());
  const item = board.items.find((one) => one.id === id);
  if (item === undefined) return;
  change(removeItem(now(), board.id, id));
  toast('info', `${title} removed`, '', { label: 'Undo', run: () => change(addItem(now(), board.id, item)) });
}
export const arrangeWidgets = (places: readonly Place[]): void => change(arrange(now(), currentOf(now()).id, places));
/** Keeps a widget's settings; typing in one is no step of undo. */
export const configureWidget = (id: string, settings: object): void =>
  set(configure(now(), currentOf(now()).id, id, settings as Item['settings']));
