import { DndContext } from '@dnd-kit/core';
import { type CSSProperties, type ReactNode, useMemo, useRef } from 'react';
import { arrangeWidgets, removeWidget } from '../../stores/boards.ts';
import { type Widget } from '../../widgets/widget.ts';
import css from './board.module.css';
import { Frame } from './frame.tsx';
import { inReadingOrder } from './layout.ts';
import { type Liftable, useLift } from './lift.ts';
import { type Item } from './model.ts';

export interface GridProps {
  readonly items: readonly Item[];
  readonly widgets: ReadonlyMap<string, Widget>;
  readonly expanded: string | undefined;
  readonly onExpand: (id: string) => void;
  readonly onSettings: (id: string) => void;
}

// The board tells screen readers itself: it knows cells, dnd-kit only pixels.
const SILENT = {
  onDragStart: () => undefined,
  onDragOver: () => undefined,
  onDragEnd: () => undefined,
  onDragCancel: () => undefined,
};
const ACCESSIBILITY = {
  announcements: SILENT,
  screenReaderInstructions: {
    draggable: 'Press space to lift, arrows to move, shift and arrows to resize, space to drop, escape to cancel.',
  },
};

// dnd-kit takes off from a move what its element has moved in the layout meanwhile; here that is the move itself.
const NOWHERE = { top: 0, left: 0, right: 0, bottom: 0, width: 0, height: 0 };
const MEASURING = { draggable: { measure: () => NOWHERE } };
const SCROLLING = { layoutShiftCompensation: false, threshold: { x: 0, y: 0.12 } };

/** The widgets of a board where they stand. */
export function Grid({ items, widgets, expanded, onExpand, onSettings }: GridProps): ReactNode {
  const grid = useRef<HTMLDivElement>(null);
  const liftable = useMemo(
    () =>
      items.map(({ id, type, x, y, w, h }): Liftable => ({
        id,
        x,
        y,
        w,
        h,
        title: widgets.get(type)?.title ?? type,
        least: widgets.get(type)?.least ?? { w: 1, h: 1 },
      })),
    [items, widgets],
  );
  const { lift, places, offset, said, context } = useLift(grid, liftable, arrangeWidgets);
  // So that tab and narrow screens follow what one reads; not while something is lifted, for that would drop it.
  const ordered = useMemo(() => inReadingOrder(items), [items]);
  const placeOf = new Map((places ?? items).map((place) => [place.id, place]));
  const target = lift === undefined ? undefined : placeOf.get(lift.one.id);
  return (
    <DndContext {...context} accessibility={ACCESSIBILITY} measuring={MEASURING} autoScroll={SCROLLING}>
      <div ref={grid} className={css['grid']} data-lifting={lift === undefined ? undefined : ''}>
        {target !== undefined && (
          <div
            className={css['target']}
            style={{ '--x': target.x + 1, '--y': target.y + 1, '--w': target.w, '--h': target.h } as CSSProperties}
          />
        )}
        {ordered.map((item) => {
          const place = placeOf.get(item.id) ?? item;
          const lifted = lift?.one.id === item.id;
          const widget = widgets.get(item.type);
          return (
            <Frame
              key={item.id}
              item={item}
              place={place}
              widget={widget}
              lifted={lifted}
              offset={lifted ? offset(place) : STILL}
              expanded={expanded === item.id}
              hidden={expanded !== undefined && expanded !== item.id}
              onExpand={() => onExpand(item.id)}
              onSettings={() => onSettings(item.id)}
              onRemove={() => removeWidget(item.id, widget?.title ?? item.type)}
            />
          );
        })}
      </div>
      <div role="status" aria-live="assertive" className="visually-hidden">
        {said}
      </div>
    </DndContext>
  );
}
const STILL = { x: 0, y: 0 };
