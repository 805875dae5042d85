import { type Board, type Boards, type Item } from './model.ts';

/** The board of a first start: what a room looks at during a game day. 18 rows, which a full-HD screen shows at once. */
const PLACES: readonly (readonly [type: string, x: number, y: number, w: number, h: number])[] = [
  ['topology', 0, 0, 6, 8],
  ['fault-velocity', 6, 0, 3, 5],
  ['apdex', 9, 0, 3, 5],
  ['active-injections', 6, 5, 3, 6],
  ['steady-state', 9, 5, 3, 6],
  ['blast-radius', 0, 8, 6, 5],
  ['run-timeline', 6, 11, 6, 3],
  ['log-journal', 6, 14, 6, 4],
  ['metrics', 0, 13, 6, 5],
];

/** @param newId gives an id that was never given before. */
export function defaultItems(newId: () => string): Item[] {
  return PLACES.map(([type, x, y, w, h]) => ({ id: newId(), type, x, y, w, h, settings: {} }));
}
export const emptyBoard = (id: string, name: string): Board => ({ id, name, items: [] });
export const defaultBoards = (newId: () => string): Boards => ({
  boards: [{ id: 'game-day', name: 'Game day', items: defaultItems(newId) }],
  current: 'game-day',
});
