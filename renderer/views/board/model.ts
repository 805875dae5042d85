import { z } from 'zod';
import { COLUMNS, MOST_ROWS, type Place, add, compact, gapFor, remove } from './layout.ts';

/** What the engine keeps of the boards, and every change to it. Pure; ids come from whoever calls. */

const id = z.string().min(1).max(64);
const item = z.object({
  id,
  /** As in widgets/widgets.ts. One that this version does not know is kept and shown as unknown. */
  type: z.string().min(1).max(64),
  x: z
    .int()
    .min(0)
    .max(COLUMNS - 1),
  y: z.int().min(0).max(10_000),
  w: z.int().min(1).max(COLUMNS),
  h: z.int().min(1).max(MOST_ROWS),
  settings: z.record(z.string(), z.unknown()),
});
export type Item = z.infer<typeof item>;

/** More would not fit a screen, nor the 256 KiB that the engine keeps under a key. */
export const MOST_WIDGETS = 60;
export const MOST_BOARDS = 30;
export const MOST_NAME = 60;
const own = (all: readonly { readonly id: string }[]): boolean => new Set(all.map((one) => one.id)).size === all.length;
const board = z.object({
  id,
  name: z.string().min(1).max(MOST_NAME),
  items: z.array(item).max(MOST_WIDGETS).refine(own, 'expected widgets with ids of their own'),
});
export type Board = z.infer<typeof board>;

export const boardsSchema = z.object({
  boards: z.array(board).min(1).max(MOST_BOARDS).refine(own, 'expected boards with ids of their own'),
  current: id,
});
export type Boards = z.infer<typeof boardsSchema>;

/** The board one looks at; the first when the current one is gone. */
export const currentOf = ({ boards, current }: Boards): Board => boards.find((one) => one.id === current) ?? boards[0]!;

const change = (boards: Boards, id: string, edit: (board: Board) => Board): Boards => ({
  ...boards,
  boards: boards.boards.map((one) => (one.id === id ? edit(one) : one)),
});
const changeItems = (boards: Boards, id: string, edit: (items: readonly Item[]) => readonly Item[]): Boards =>
  change(boards, id, (one) => ({ ...one, items: [...edit(one.items)] }));

/** The same boards with another on show; itself when there is no such. */
export const show = (boards: Boards, id: string): Boards =>
  boards.boards.some((one) => one.id === id) ? { ...boards, current: id } : boards;

/** The board that stands `by` further on, round the end. */
export function neighbour(boards: Boards, by: number): string {
  const { length } = boards.boards;
  const at = boards.boards.indexOf(currentOf(boards));
  return boards.boards[(((at + by) % length) + length) % length]!.id;
}

/** Adds a board behind the current one, or at `at`, and shows it. */
export function addBoard(boards: Boards, added: Board, at = boards.boards.indexOf(currentOf(boards)) + 1): Boards {
  if (boards.boards.length >= MOST_BOARDS) return boards;
  return { boards: boards.boards.toSpliced(at, 0, added), current: added.id };
}

/** A name that no board bears yet: `Board`, `Board 2`, `Board 3`. */
export function freeName({ boards }: Boards, wanted: string): string {
  const base = wanted.slice(0, MOST_NAME - 4);
  for (let count = 1; ; count++) {
    const name = count === 1 ? base : `${base} ${count}`;
    if (!boards.some((one) => one.name === name)) return name;
  }
}
export const renameBoard = (boards: Boards, id: string, name: string): Boards =>
  name.trim() === '' ? boards : change(boards, id, (one) => ({ ...one, name: name.trim().slice(0, MOST_NAME) }));

/** Takes a board away; the last one is replaced by `spare`, for there is always a board. */
export function removeBoard(boards: Boards, id: string, spare: Board): Boards {
  const at = boards.boards.findIndex((one) => one.id === id);
  if (at < 0) return boards;
  const left = boards.boards.toSpliced(at, 1);
  if (left.length === 0) left.push(spare);
  return { boards: left, current: boards.current === id ? left[Math.min(at, left.length - 1)]!.id : boards.current };
}

/** Brings a removed board back to where it was, without touching what was done since. */
export const restoreBoard = (boards: Boards, board: Board, at: number): Boards =>
  boards.boards.some((one) => one.id === board.id) ? boards : addBoard(boards, board, at);

/** Adds a widget: at its place when it has one (a removed one comes back), in the first gap of its size otherwise. */
export function addItem(boards: Boards, board: string, added: Item, anywhere = false): Boards {
  return changeItems(boards, board, (items) => {
    if (items.length >= MOST_WIDGETS || items.some((one) => one.id === added.id)) return items;
    return add(items, anywhere ? { ...added, ...gapFor(items, added.w, added.h) } : added);
  });
}
export const removeItem = (boards: Boards, board: string, id: string): Boards =>
  changeItems(boards, board, (items) => remove(items, id));

/** Takes over places; what is not named keeps its own. */
export function arrange(boards: Boards, board: string, places: readonly Place[]): Boards {
  const at = new Map(places.map(({ id, x, y, w, h }) => [id, { x, y, w, h }]));
  return changeItems(boards, board, (items) => compact(items.map((one) => ({ ...one, ...at.get(one.id) }))));
}
export const configure = (boards: Boards, board: string, id: string, settings: Item['settings']): Boards =>
  changeItems(boards, board, (items) => items.map((one) => (one.id === id ? { ...one, settings } : one)));
export const replaceItems = (boards: Boards, board: string, items: readonly Item[]): Boards =>
  changeItems(boards, board, () => items);
