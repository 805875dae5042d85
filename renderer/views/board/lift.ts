import { type DragEndEvent, type DragMoveEvent, type DragStartEvent, useSensor, useSensors } from '@dnd-kit/core';
import { type RefObject, useMemo, useRef, useState } from 'react';
import { COLUMNS, type Place, put, stepped } from './layout.ts';
import { type GridKeyboardOptions, GridKeyboardSensor, POINTER, PromptPointerSensor, stepOf } from './sensors.ts';

export interface Liftable extends Place {
  readonly title: string;
  readonly least: { readonly w: number; readonly h: number };
}
/** What is being moved or resized, and where it is wanted. */
export interface Lift {
  readonly one: Liftable;
  readonly mode: 'move' | 'size';
  readonly wanted: Place;
  /** How far the pointer has gone, pixels; 0 by keyboard. */
  readonly moved: { readonly x: number; readonly y: number };
}

/** One cell with its gap, in pixels. */
interface Cell {
  readonly x: number;
  readonly y: number;
}
function cellOf(grid: HTMLElement): Cell {
  const { columnGap, gridAutoRows, gridTemplateColumns, rowGap } = getComputedStyle(grid);
  return {
    x: Number.parseFloat(gridTemplateColumns) + Number.parseFloat(columnGap),
    y: Number.parseFloat(gridAutoRows) + Number.parseFloat(rowGap),
  };
}

const where = ({ x, y }: Place): string => `column ${x + 1}, row ${y + 1}`;
const size = ({ w, h }: Place): string =>
  `${w} ${w === 1 ? 'column' : 'columns'} wide, ${h} ${h === 1 ? 'row' : 'rows'} high`;

/** The handlers of dnd-kit for this grid, what is lifted, the layout to show meanwhile, and what a screen reader is told. */
export function useLift(
  grid: RefObject<HTMLElement | null>,
  items: readonly Liftable[],
  drop: (places: readonly Place[]) => void,
) {
  const [lift, setLift] = useState<Lift>();
  const [said, say] = useState('');
  // What the sensors' callbacks see: they are made once, and several may come before the next render.
  const now = useRef<{ lift: Lift | undefined; cell: Cell; items: readonly Liftable[] }>({
    lift: undefined,
    cell: { x: 1, y: 1 },
    items,
  });
  now.current.items = items;
  const enter = (next: Lift | undefined): void => {
    now.current.lift = next;
    setLift(next);
  };
  const placed = ({ one, wanted }: Lift): Place =>
    put(now.current.items, wanted, one.least).find(({ id }) => id === one.id)!;
  const want = (before: Lift, wanted: Place, moved = before.moved): void => {
    const next = { ...before, wanted, moved };
    enter(next);
    const place = placed(next);
    say(
      before.mode === 'size' || place.w !== before.wanted.w || place.h !== before.wanted.h
        ? `${before.one.title}: ${size(place)}.`
        : `${before.one.title}: ${where(place)}.`,
    );
  };

  /** To where a pointer has pulled it; the keyboard leaves the delta at zero. */
  const pulled = (delta: Lift['moved']): void => {
    const { lift: before, cell } = now.current;
    if (before === undefined || (delta.x === 0 && delta.y === 0)) return;
    const [dx, dy] = [Math.round(delta.x / cell.x), Math.round(delta.y / cell.y)];
    const { one, mode } = before;
    const w = Math.min(one.w + dx, COLUMNS - one.x);
    want(before, mode === 'move' ? { ...one, x: one.x + dx, y: one.y + dy } : { ...one, w, h: one.h + dy }, delta);
  };

  const keyboard = useMemo(
    (): GridKeyboardOptions => ({
      onStep: ({ dx, dy, resize }) => {
        const { lift: before } = now.current;
        if (before === undefined) return;
        const wanted = stepped(
          now.current.items,
          before.wanted,
          stepOf(dx, dy, resize || before.mode === 'size'),
          before.one.least,
        );
        want(before, wanted);
        requestAnimationFrame(() =>
          grid.current
            ?.querySelector(`[data-widget="${CSS.escape(before.one.id)}"]`)
            ?.scrollIntoView({ block: 'nearest' }),
        );
      },
    }),
    // Everything else that it reads goes through `now`.
    [],
  );
  const sensors = useSensors(useSensor(PromptPointerSensor, POINTER), useSensor(GridKeyboardSensor, keyboard));

  return {
    lift,
    said,
    places: lift === undefined ? undefined : put(items, lift.wanted, lift.one.least),
    /** How far what is dragged must stand off its new cell to stay under the pointer, pixels. */
    offset: (place: Place): { x: number; y: number } => {
      if (lift === undefined || lift.mode === 'size' || (lift.moved.x === 0 && lift.moved.y === 0))
        return { x: 0, y: 0 };
      const { cell } = now.current;
      return { x: lift.moved.x - (place.x - lift.one.x) * cell.x, y: lift.moved.y - (place.y - lift.one.y) * cell.y };
    },
    context: {
      sensors,
      onDragStart: ({ active }: DragStartEvent): void => {
        const [mode, id] = splitHandle(String(active.id));
        const one = now.current.items.find((item) => item.id === id);
        if (one === undefined || grid.current === null) return;
        now.current.cell = cellOf(grid.current);
        enter({ one, mode, wanted: one, moved: { x: 0, y: 0 } });
        say(
          `${one.title} lifted, at ${where(one)}, ${size(one)}. Arrows ${mode === 'move' ? 'move it, shift and arrows' : ''} size it, space drops it, escape puts it back.`,
        );
      },
      onDragMove: ({ delta }: DragMoveEvent): void => pulled(delta),
      onDragEnd: ({ delta }: DragEndEvent): void => {
        pulled(delta);
        const { lift: before } = now.current;
        if (before === undefined) return;
        const place = placed(before);
        enter(undefined);
        drop(put(now.current.items, before.wanted, before.one.least));
        say(`${before.one.title} dropped at ${where(place)}, ${size(place)}.`);
      },
      onDragCancel: (): void => {
        const { lift: before } = now.current;
        enter(undefined);
        if (before !== undefined) say(`${before.one.title} is back where it was.`);
      },
    },
  };
}

export const handleId = (mode: Lift['mode'], id: string): string => `${mode} ${id}`;
function splitHandle(handle: string): [Lift['mode'], string] {
  const at = handle.indexOf(' ');
  return [handle.slice(0, at) as Lift['mode'], handle.slice(at + 1)];
}
