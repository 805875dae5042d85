import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  COLUMNS,
  type Place,
  add,
  compact,
  fit,
  gapFor,
  inReadingOrder,
  overlap,
  put,
  remove,
  stepped,
} from './layout.ts';

const cell = fc.record({
  x: fc.integer({ min: -3, max: 20 }),
  y: fc.integer({ min: -3, max: 40 }),
  w: fc.integer({ min: -1, max: 15 }),
  h: fc.integer({ min: -1, max: 12 }),
});
const layout = fc
  .array(cell, { maxLength: 16 })
  .map((cells) => cells.map((one, index): Place => ({ id: `w${index}`, ...one })));
const sound = (places: readonly Place[]): void => {
  for (const one of places) {
    assert.ok(one.x >= 0 && one.y >= 0 && one.w >= 1 && one.h >= 1 && one.x + one.w <= COLUMNS, JSON.stringify(one));
    for (const other of places)
      assert.ok(!overlap(one, other), `${JSON.stringify(one)} overlaps ${JSON.stringify(other)}`);
  }
  // Nothing hangs in the air.
  for (const one of places) {
    const above = places.some(
      (other) => other.y + other.h === one.y && other.x < one.x + one.w && one.x < other.x + other.w,
    );
    assert.ok(one.y === 0 || above, `${one.id} could rise`);
  }
};
const ids = (places: readonly Place[]): string[] => places.map(({ id }) => id).sort();

test('any layout is made sound, loses nothing, keeps its order, and is stable', () => {
  fc.assert(
    fc.property(layout, (places) => {
      const once = compact(places);
      sound(once);
      assert.deepEqual(
        once.map(({ id }) => id),
        places.map(({ id }) => id),
      );
      assert.deepEqual(compact(once), once);
    }),
    { numRuns: 500 },
  );
});

test('moving and resizing anything anywhere keeps it sound, loses nothing, and sizes only what was taken', () => {
  fc.assert(
    fc.property(layout, fc.nat(), cell, (places, pick, wanted) => {
      const before = compact(places);
      const one = before[pick % Math.max(1, before.length)];
      if (one === undefined) return;
      const after = put(before, { id: one.id, ...wanted }, { w: 2, h: 2 });
      sound(after);
      assert.deepEqual(ids(after), ids(before));
      for (const { id, w, h } of after) {
        if (id === one.id) assert.ok(w >= 2 && h >= 2);
        else
          assert.deepEqual(
            { w, h },
            { w: before.find((other) => other.id === id)!.w, h: before.find((other) => other.id === id)!.h },
          );
      }
      assert.equal(after.find(({ id }) => id === one.id)!.x, fit({ id: one.id, ...wanted }, { w: 2, h: 2 }).x);
    }),
    { numRuns: 500 },
  );
});

test('putting a thing where it stands changes nothing', () => {
  fc.assert(
    fc.property(layout, fc.nat(), (places, pick) => {
      const before = compact(places);
      const one = before[pick % Math.max(1, before.length)];
      if (one !== undefined) assert.deepEqual(put(before, one), before);
    }),
    { numRuns: 500 },
  );
});

test('what is added is there, in a gap that disturbs nobody, and its removal brings the layout back', () => {
  fc.assert(
    fc.property(layout, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 8 }), (places, w, h) => {
      const before = compact(places);
      const after = add(before, { id: 'new', ...gapFor(before, w, h) });
      sound(after);
      assert.deepEqual(after.slice(0, -1), before);
      assert.deepEqual(remove(after, 'new'), before);
    }),
    { numRuns: 500 },
  );
});

test('what is dropped on another takes its place, and the other goes below', () => {
  const [a, b] = [
    { id: 'a', x: 0, y: 0, w: 6, h: 2 },
    { id: 'b', x: 0, y: 2, w: 6, h: 3 },
  ];
  assert.deepEqual(put([a, b], { ...b, y: 0 }), [
    { ...a, y: 3 },
    { ...b, y: 0 },
  ]);
  assert.deepEqual(put([a, b], { ...a, w: 12, x: 9 }), [{ ...a, w: 12 }, b]);
  assert.deepEqual(inReadingOrder([b, a]), [a, b]);
});

test('each press of an arrow shows, until the edge of the board', () => {
  const [a, b] = [
    { id: 'a', x: 0, y: 0, w: 6, h: 2 },
    { id: 'b', x: 0, y: 2, w: 6, h: 3 },
  ];
  const below = stepped([a, b], a, { y: 1 });
  assert.deepEqual(
    put([a, b], below).map(({ y }) => y),
    [3, 0],
  );
  assert.deepEqual(
    put([a, b], stepped([a, b], below, { y: -1 })).map(({ y }) => y),
    [0, 2],
  );
  assert.equal(stepped([a, b], a, { x: 1 }).x, 1);
  assert.deepEqual(stepped([a, b], a, { x: -1 }), a);
  assert.equal(stepped([a, b], { ...a, x: 6 }, { w: 1 }).w, 6);
  assert.deepEqual(stepped([a, b], a, { w: -1 }, { w: 6, h: 2 }), a);
});
