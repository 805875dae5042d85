import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultBoards, emptyBoard } from './default.ts';
import { overlap, rowsOf } from './layout.ts';
import {
  MOST_BOARDS,
  type Boards,
  addBoard,
  addItem,
  arrange,
  boardsSchema,
  currentOf,
  freeName,
  neighbour,
  removeBoard,
  removeItem,
  renameBoard,
  restoreBoard,
  show,
} from './model.ts';

let count = 0;
const start = (): Boards => defaultBoards(() => `w${count++}`);

test('the first board is what the schema takes, sound and at most 18 rows high', () => {
  const boards = start();
  assert.deepEqual(boardsSchema.parse(JSON.parse(JSON.stringify(boards))), boards);
  const { items } = currentOf(boards);
  assert.ok(items.every((one) => items.every((other) => !overlap(one, other))));
  assert.equal(rowsOf(items), 18);
  assert.deepEqual(arrange(boards, boards.current, items), boards);
});

test('a widget that is removed comes back where it was, though others moved since', () => {
  const boards = start();
  const [first, second] = currentOf(boards).items;
  const without = removeItem(boards, boards.current, first!.id);
  const moved = arrange(without, boards.current, [{ ...second!, x: 0, y: 0 }]);
  const back = addItem(moved, boards.current, first!);
  const item = currentOf(back).items.find(({ id }) => id === first!.id)!;
  assert.deepEqual([item.x, item.y, item.w, item.h], [first!.x, first!.y, first!.w, first!.h]);
  assert.equal(currentOf(back).items.length, currentOf(boards).items.length);
  assert.equal(addItem(back, boards.current, first!).boards[0]!.items.length, currentOf(boards).items.length);
});

test('boards are added behind the current one, named apart, walked round and brought back', () => {
  let boards = start();
  boards = addBoard(boards, emptyBoard('a', freeName(boards, 'Game day')));
  assert.equal(currentOf(boards).name, 'Game day 2');
  boards = renameBoard(boards, 'a', '  Payments  ');
  assert.equal(currentOf(boards).name, 'Payments');
  assert.equal(renameBoard(boards, 'a', ' '), boards);
  assert.equal(neighbour(boards, 1), 'game-day');
  assert.equal(neighbour(boards, -1), 'game-day');
  const gone = removeBoard(boards, 'a', emptyBoard('spare', 'Board'));
  assert.equal(gone.current, 'game-day');
  assert.deepEqual(restoreBoard(gone, currentOf(boards), 1), boards);
  assert.equal(show(boards, 'nowhere'), boards);
});

test('there is always a board, and never too many', () => {
  const boards = start();
  const left = removeBoard(boards, 'game-day', emptyBoard('spare', 'Board'));
  assert.deepEqual(left, { boards: [emptyBoard('spare', 'Board')], current: 'spare' });
  let many = boards;
  for (let index = 0; index < MOST_BOARDS + 5; index++) many = addBoard(many, emptyBoard(`b${index}`, 'x'));
  assert.equal(many.boards.length, MOST_BOARDS);
  assert.ok(boardsSchema.safeParse(many).success);
  assert.ok(!boardsSchema.safeParse({ ...boards, boards: [...boards.boards, ...boards.boards] }).success);
});
