import { type Board, type Boards, type Item } from './model.ts';

/** The board of a first start: what a room looks at during a game day. 18 rows, which a full-HD screen shows at once. */
const PLACES: readonly (readonly [type: string, x: number, y: number, w: number, h: number])[] = [
  ['topology', 0, 0, 8, 5],
  ['fault-velocity', 8, 0, 4, 5],
  ['blast-radius', 0, 5, 6, 6],
  ['active-injections', 6, 5, 3, 6],
  ['apdex', 9, 5, 3, 6],
  ['run-timeline', 0, 11, 9, 3],
  ['steady-state', 9, 11, 3, 7],
  ['log-journal', 0, 14, 9, 4],
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
