import { type Range, defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  type WheelEvent,
  memo,
  useCallback,
  useLayoutEffect,
  useRef,
} from 'react';
import { type Line } from '../../stores/lines.ts';
import { usePreferences } from '../../stores/preferences.ts';
import { Shape } from '../../ui/controls.tsx';
import { useBlotted } from '../../ui/discreet.tsx';
import { type Zone, timeOfDay } from '../../ui/format.ts';
import { useSize } from '../../ui/size.ts';
import { indexOf, lastOf, scrolledFor, stepped } from './select.ts';
import css from './widget.module.css';
import { figureOf, mayNameHost } from './words.ts';

export interface ListProps {
  readonly id: string;
  readonly lines: readonly Line[];
  readonly paused: boolean;
  /** The `n` of the selected line; 0 for none. */
  readonly selected: number;
  readonly onSelect: (n: number) => void;
  readonly onOpen: (n: number) => void;
  readonly onPause: () => void;
  readonly onResume: () => void;
  readonly onCopy: () => void;
}

/** Height of a row in rem; fixed, so that nothing is measured and nothing jumps. */
const ROW_REM = 1.6;
/** Rows drawn beyond each edge. */
const OVERSCAN = 6;
/** Nearer to the end than this is at the end, pixels. */
const AT_END = 2;

/** The lines, of which only those in view are drawn. Live, it stays at its end; scrolled away from there, it pauses. */
export function List({
  id,
  lines,
  paused,
  selected,
  onSelect,
  onOpen,
  onPause,
  onResume,
  onCopy,
}: ListProps): ReactNode {
  const [scroller, size] = useSize<HTMLDivElement>();
  const zone = usePreferences(({ clock }) => clock);
  const blot = useBlotted();
  const row = useRowHeight();
  const live = !paused;
  const inView = Math.ceil((size?.height ?? 0) / row) + OVERSCAN;
  // The end is drawn together with what came, not one frame later when the scroll has been noticed.
  const rangeExtractor = useCallback(
    (range: Range) => (live ? lastOf(range.count, inView) : defaultRangeExtractor(range)),
    [live, inView],
  );
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => row,
    overscan: OVERSCAN,
    paddingStart: row,
    rangeExtractor,
  });
  const height = virtualizer.getTotalSize();
  /** Where the list was last known to stand, and how high it and its window were: what differs in `top` alone was scrolled by somebody. */
  const known = useRef({ top: 0, content: 0, window: 0 });
  const scrollTo = (to: number): void => {
    const { current } = scroller;
    if (current === null) return;
    current.scrollTop = to;
    known.current = placeOf(current);
  };
  const rowBefore = useRef(row);
  useLayoutEffect(() => {
    if (row === rowBefore.current) return;
    // The same lines stay in view when the type size changes.
    scrollTo((known.current.top * row) / rowBefore.current);
    rowBefore.current = row;
    virtualizer.measure();
  }, [virtualizer, row]);
  useLayoutEffect(() => {
    if (live) scrollTo(height);
  }, [live, lines, height, size]);

  const dragged = useRef(false);
  const onScroll = (): void => {
    const { current } = scroller;
    if (current === null) return;
    const [before, { top, content, window }] = [known.current, placeOf(current)];
    known.current = { top, content, window };
    const atEnd = top >= content - window - AT_END;
    const resized = content !== before.content || window !== before.window;
    // Live, only a hand on the bar takes it away from its end; what else does, such as the rest of a wheel's turn, is undone.
    if (live && !atEnd) dragged.current && top < before.top ? onPause() : scrollTo(height);
    if (paused && atEnd && top > before.top && !resized) onResume();
  };
  const onWheel = ({ deltaY }: WheelEvent): void => {
    if (live && deltaY < 0 && height > (size?.height ?? 0)) onPause();
  };
  // Beside the rows lies only the bar; a finger is on the rows themselves.
  const onPointerDown = ({ target, currentTarget, pointerType }: PointerEvent): void => {
    if (target !== currentTarget && pointerType !== 'touch') return;
    dragged.current = true;
    for (const end of ['pointerup', 'pointercancel'])
      addEventListener(end, () => (dragged.current = pointerType === 'touch' && end === 'pointercancel'), {
        once: true,
      });
  };

  const at = indexOf(lines, selected);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget || event.altKey || event.metaKey || (event.ctrlKey && event.key !== 'c'))
      return;
    const page = Math.max(1, Math.floor(((size?.height ?? 0) - row) / row) - 1);
    const to = stepped(event.key, at, lines.length, page);
    if (to !== undefined) {
      const line = lines[to];
      if (line === undefined) return;
      if (event.key === 'End') onResume();
      else onPause();
      onSelect(line.n);
      if (size !== null && scroller.current !== null)
        scrollTo(scrolledFor(to, row, scroller.current.scrollTop, size.height));
    } else if (event.key === ' ') (paused ? onResume : onPause)();
    else if (event.key === 'Enter' && at >= 0) onOpen(selected);
    else if (event.ctrlKey && at >= 0 && getSelection()?.isCollapsed !== false) onCopy();
    else return;
    event.preventDefault();
  };

  const rowId = (n: number): string => `journal-${id}-${n}`;
  const drawn = virtualizer.getVirtualItems();
  return (
    <div
      ref={scroller}
      className={css['scroller']}
      role="grid"
      tabIndex={0}
      aria-label="Lines of the journal"
      aria-rowcount={lines.length + 1}
      aria-activedescendant={drawn.some(({ index }) => index === at) ? rowId(selected) : undefined}
      onScroll={onScroll}
      onWheel={onWheel}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    >
      <div className={css['head']} role="row" aria-rowindex={1}>
        {COLUMNS.map(([name, title]) => (
          <span key={name} role="columnheader" className={css[name]}>
            {title}
          </span>
        ))}
      </div>
      <div className={css['lines']} role="rowgroup" style={{ height: height - row }}>
        {drawn.map(({ index, start }, slot) => {
          const line = lines[index];
          if (line === undefined) return null;
          // Live, every place is another line each time: its element is used again.
          return (
            <Row
              key={live ? slot : `n${line.n}`}
              id={rowId(line.n)}
              line={line}
              index={index}
              top={start - row}
              height={row}
              selected={index === at}
              zone={zone}
              blot={blot}
              onOpen={onOpen}
            />
          );
        })}
      </div>
    </div>
  );
}

const COLUMNS = [
  ['time', 'Time'],
  ['source', 'Source'],
  ['protocol', 'Protocol'],
  ['method', 'Method'],
  ['target', 'Target'],
  ['action', 'Action'],
  ['figure', 'Delay, status'],
  ['policy', 'Policy'],
] as const;

interface RowProps {
  readonly id: string;
  readonly line: Line;
  readonly index: number;
  /** Pixels. */
  readonly top: number;
  readonly height: number;
  readonly selected: boolean;
  readonly zone: Zone;
  readonly blot: (text: string) => string;
  readonly onOpen: (n: number) => void;
}
const Row = memo(function Row({ id, line, index, top, height, selected, zone, blot, onOpen }: RowProps): ReactNode {
  const { n, at, source, protocol, method, tone, word, policy } = line;
  const target = mayNameHost(line) ? blot(line.target) : line.target;
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={css['row']}
      data-kind={line.of.kind}
      data-touched={line.touched ? '' : undefined}
      style={{ height, transform: `translateY(${top}px)` }}
      onClick={() => onOpen(n)}
    >
      <span role="gridcell" className={css['time']}>
        {timeOfDay(at, zone, true)}
      </span>
      <span role="gridcell" className={css['source']} title={source}>
        {source}
      </span>
      <span role="gridcell" className={css['protocol']}>
        {protocol}
      </span>
      <span role="gridcell" className={css['method']} title={method}>
        {method}
      </span>
      <span role="gridcell" className={css['target']} title={target}>
        {target}
      </span>
      <span role="gridcell" className={css['action']} data-tone={tone}>
        <Shape tone={tone} />
        {word}
      </span>
      <span role="gridcell" className={css['figure']}>
        {figureOf(line)}
      </span>
      <span role="gridcell" className={css['policy']} title={policy}>
        {policy}
      </span>
    </div>
  );
});

const placeOf = ({ scrollTop, scrollHeight, clientHeight }: HTMLElement) => ({
  top: scrollTop,
  content: scrollHeight,
  window: clientHeight,
});

/** In whole pixels, at the type size of the room. */
function useRowHeight(): number {
  // Presenter mode makes the type larger.
  usePreferences(({ presenter }) => presenter);
  return Math.round(ROW_REM * Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
}
