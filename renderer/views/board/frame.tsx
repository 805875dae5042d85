import { useDraggable } from '@dnd-kit/core';
import { Ellipsis, GripVertical, Maximize2, Minimize2, Scaling, Settings2, Trash2 } from 'lucide-react';
import { type CSSProperties, type ReactNode, memo, useMemo } from 'react';
import { configureWidget } from '../../stores/boards.ts';
import { useConnection } from '../../stores/connection.ts';
import { Boundary } from '../../ui/boundary.tsx';
import { Empty, IconButton, Shape } from '../../ui/controls.tsx';
import { Menu } from '../../ui/menu.tsx';
import { type Widget } from '../../widgets/widget.ts';
import css from './board.module.css';
import { type Place } from './layout.ts';
import { handleId } from './lift.ts';
import { type Item } from './model.ts';

export interface FrameProps {
  readonly item: Item;
  readonly place: Place;
  readonly widget: Widget | undefined;
  readonly lifted: boolean;
  readonly offset: { readonly x: number; readonly y: number };
  readonly expanded: boolean;
  /** Another one fills the board. */
  readonly hidden: boolean;
  readonly onExpand: () => void;
  readonly onSettings: () => void;
  readonly onRemove: () => void;
}

/** What stands around every widget: its name, its handles, its menu. */
export function Frame({
  item,
  place,
  widget,
  lifted,
  offset,
  expanded,
  hidden,
  onExpand,
  onSettings,
  onRemove,
}: FrameProps): ReactNode {
  const title = widget?.title ?? item.type;
  const move = useDraggable({ id: handleId('move', item.id), disabled: expanded });
  const size = useDraggable({ id: handleId('size', item.id), disabled: expanded });
  const style = {
    '--x': place.x + 1,
    '--y': place.y + 1,
    '--w': place.w,
    '--h': place.h,
    ...(offset.x === 0 && offset.y === 0 ? {} : { transform: `translate(${offset.x}px, ${offset.y}px)` }),
  } as CSSProperties;
  return (
    <section
      ref={move.setNodeRef}
      className={css['frame']}
      style={style}
      aria-label={title}
      data-widget={item.id}
      data-type={item.type}
      data-lifted={lifted ? '' : undefined}
      data-expanded={expanded ? '' : undefined}
      inert={hidden}
      data-hidden={hidden ? '' : undefined}
    >
      <header className={css['head']}>
        {!expanded && (
          <button
            type="button"
            ref={move.setActivatorNodeRef}
            className={css['grip']}
            aria-label={`Move ${title}`}
            title="Drag, or space and arrows"
            {...attributes(move)}
            {...move.listeners}
          >
            <GripVertical size="1em" aria-hidden />
          </button>
        )}
        <h2 className={css['title']} title={title}>
          {title}
        </h2>
        <Stale />
        <IconButton
          label={expanded ? `Back to the board` : `Expand ${title}`}
          icon={expanded ? Minimize2 : Maximize2}
          onClick={onExpand}
        />
        <Menu
          label={`Menu of ${title}`}
          items={[
            {
              label: expanded ? 'Back to the board' : 'Expand',
              icon: expanded ? Minimize2 : Maximize2,
              keys: expanded ? 'Esc' : 'E',
              run: onExpand,
            },
            ...(widget === undefined ? [] : [{ label: 'Settings', icon: Settings2, keys: 'S', run: onSettings }]),
            { label: 'Remove', icon: Trash2, keys: 'Delete', danger: true, run: onRemove },
          ]}
        >
          <IconButton label={`Menu of ${title}`} icon={Ellipsis} />
        </Menu>
      </header>
      <div className={css['body']}>
        <Boundary what={title}>
          {widget === undefined ? (
            <Empty title="Unknown widget">
              This version of Firebreak has no widget {item.type}. It is kept for a version that has.
            </Empty>
          ) : (
            <Content item={item} widget={widget} expanded={expanded} />
          )}
        </Boundary>
      </div>
      {!expanded && (
        <button
          type="button"
          ref={size.setNodeRef}
          className={css['corner']}
          aria-label={`Resize ${title}`}
          title="Drag, or space and arrows"
          {...attributes(size)}
          {...size.listeners}
        >
          <Scaling size="0.85em" aria-hidden />
        </button>
      )}
    </section>
  );
}

/** A button has its role and its place in the order of tabs by itself. */
function attributes({
  attributes,
}: ReturnType<typeof useDraggable>): Pick<typeof attributes, 'aria-describedby' | 'aria-roledescription'> {
  const { 'aria-describedby': describedBy } = attributes;
  return { 'aria-describedby': describedBy, 'aria-roledescription': 'handle' };
}

/** Says that what is shown is the last that was known. */
function Stale(): ReactNode {
  const open = useConnection(({ state }) => state === 'open');
  return open ? null : (
    <span className={css['stale']} title="Last known">
      <Shape tone="warn" />
      <span className="visually-hidden">last known</span>
    </span>
  );
}

/** Apart and memoised: a drag moves the frame many times a second, and the widget must not be drawn anew for it. */
const Content = memo(function Content({
  item: { id, settings: kept },
  widget,
  expanded,
}: {
  readonly item: Item;
  readonly widget: Widget;
  readonly expanded: boolean;
}): ReactNode {
  const settings = useMemo(() => settingsOf(widget, kept), [widget, kept]);
  const change = useMemo(() => (next: object) => configureWidget(id, next), [id]);
  const { component: Shown } = widget;
  return <Shown id={id} settings={settings} change={change} expanded={expanded} />;
});

/** Kept settings that do not fit (another version's) give way to the first ones. */
export function settingsOf({ settings }: Widget, kept: object): object {
  const known = settings.safeParse(kept);
  return known.success ? known.data : settings.parse({});
}
