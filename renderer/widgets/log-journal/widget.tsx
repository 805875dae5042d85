import { type ReactNode, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { z } from 'zod';
import { useOffer } from '../../stores/actions.ts';
import { useConnection } from '../../stores/connection.ts';
import { type Line } from '../../stores/lines.ts';
import { hearTraffic } from '../../stores/traffic.ts';
import { copy } from '../../ui/clipboard.ts';
import { Button, Empty, Loading } from '../../ui/controls.tsx';
import { type MenuItem } from '../../ui/menu.tsx';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { type Filter, readSearch } from './filter.ts';
import { Journal } from './journal.ts';
import { List } from './list.tsx';
import { Payload } from './payload.tsx';
import { indexOf } from './select.ts';
import { SOURCES } from './sources.ts';
import { Toolbar } from './toolbar.tsx';
import css from './widget.module.css';
import { jsonOf, plural, textOf, written } from './words.ts';

const chosen = z.string().max(500).default('').meta({ hidden: true });
const settings = z.object({
  passing: z
    .boolean()
    .default(true)
    .meta({ title: 'Untouched messages', help: 'A sample of what no fault touched, beside all that one did.' }),
  samples: z.boolean().default(false).meta({ title: 'Polls of probes', help: 'Each poll of each probe of a run.' }),
  source: chosen,
  protocol: chosen,
  method: chosen,
  touched: z.boolean().default(false).meta({ hidden: true }),
});
type Settings = z.infer<typeof settings>;

const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const newJournal = (filter: Filter): Journal =>
  new Journal({
    sources: SOURCES,
    filter,
    now: () => performance.now(),
    later: (work) => void setTimeout(work, 0),
    frame: (work) => void requestAnimationFrame(work),
  });

function LogJournal({ id, settings: kept, change }: WidgetProps<Settings>): ReactNode {
  const [search, setSearch] = useState('');
  const read = useMemo(() => readSearch(search), [search]);
  const filter = useMemo((): Filter => ({ ...kept, search }), [kept, search]);
  const [journal] = useState(() => newJournal(filter));
  useSyncExternalStore(journal.subscribe, journal.version);
  // What is still being typed finds all or nothing; the last that could be read stays in force.
  useEffect(() => {
    if (read.ok) journal.setFilter(filter);
  }, [journal, filter, read]);
  const { lines, paused, came, testing } = journal;

  const hidden = useSyncExternalStore(onVisibility, () => document.hidden);
  useEffect(() => {
    // Nobody looks, and what stands still would not show it.
    if (paused && hidden) return;
    const hearing = hearTraffic(kept.passing);
    return () => hearing[Symbol.dispose]();
  }, [kept.passing, paused && hidden]);

  const [selected, setSelected] = useState(0);
  const [opened, setOpened] = useState<Line>();
  const searchField = useRef<HTMLInputElement>(null);
  const part = useMemo(() => {
    const toggle = (): void => (journal.paused ? journal.resume() : journal.pause());
    const find = (n: number): Line | undefined => journal.lines[indexOf(journal.lines, n)];
    return {
      find,
      toggle,
      pause: () => journal.pause(),
      resume: () => journal.resume(),
      open: (n: number) => {
        journal.pause();
        setSelected(n);
        setOpened(find(n));
      },
    };
  }, [journal]);
  const onFilter = ({ search, ...chosen }: Partial<Filter>): void => {
    if (search !== undefined) setSearch(search);
    if (Object.keys(chosen).length > 0) change({ ...kept, ...chosen });
  };
  const clear = (): void => onFilter({ source: '', protocol: '', method: '', touched: false, search: '' });
  const copyOne = (): void => {
    const line = part.find(selected);
    if (line !== undefined) void copy('1 line', textOf(line));
  };
  const copyAll = (write: (line: Line) => string): void =>
    void copy(plural(journal.lines.length), written(journal.lines, write, rest));
  const copies: readonly MenuItem[] = [
    { label: 'The selected line', keys: 'Ctrl C', disabled: indexOf(lines, selected) < 0, run: copyOne },
    { label: `${plural(lines.length)} as text`, disabled: lines.length === 0, run: () => copyAll(textOf) },
    { label: `${plural(lines.length)} as JSON lines`, disabled: lines.length === 0, run: () => copyAll(jsonOf) },
  ];
  useOffer(
    useMemo(
      () => [
        { id: `journal-pause-${id}`, title: 'Pause the log journal, or resume it', group: 'Board', run: part.toggle },
        {
          id: `journal-search-${id}`,
          title: 'Search the log journal',
          group: 'Board',
          run: () => searchField.current?.focus(),
        },
      ],
      [id, part],
    ),
  );

  const away = useConnection(({ state }) => state !== 'open');
  const narrowed =
    filter.source !== '' || filter.protocol !== '' || filter.method !== '' || filter.touched || search !== '';
  const at = opened === undefined ? -1 : indexOf(lines, opened.n);
  const go = (to: number): (() => void) | undefined => {
    const line = at < 0 ? undefined : lines[to];
    return line === undefined ? undefined : () => part.open(line.n);
  };
  return (
    <div className={css['widget']}>
      <Toolbar
        filter={filter}
        choices={journal.choices}
        search={read}
        searchField={searchField}
        paused={paused}
        came={came}
        copies={copies}
        onFilter={onFilter}
        onToggle={part.toggle}
      />
      <div className={css['stage']} data-away={away ? '' : undefined}>
        <List
          id={id}
          lines={lines}
          paused={paused}
          selected={selected}
          onSelect={setSelected}
          onOpen={part.open}
          onPause={part.pause}
          onResume={part.resume}
          onCopy={copyOne}
        />
        {lines.length === 0 && (
          <div className={css['nothing']}>
            {testing ? (
              <Loading what="Looking through the lines …" />
            ) : narrowed ? (
              <Empty title="No line fits this filter" action={<Button onClick={clear}>Show all</Button>} />
            ) : (
              <Empty title="Nothing has come yet">
                {away ? 'The engine is away.' : 'What passes the routes and what the engine says will be listed here.'}
              </Empty>
            )}
          </div>
        )}
        <p role="status" className="visually-hidden">
          {paused ? 'The journal is paused.' : 'The journal is live.'}
        </p>
      </div>
      {opened !== undefined && (
        <Payload line={opened} onPrevious={go(at - 1)} onNext={go(at + 1)} onClose={() => setOpened(undefined)} />
      )}
    </div>
  );
}

function onVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

export const logJournal = defineWidget<Settings>({
  type: 'log-journal',
  title: 'Log journal',
  about:
    'What passes the routes and what the engine says, line by line: filter, search, pause, copy, and open what was sent.',
  size: { w: 6, h: 5 },
  least: { w: 3, h: 3 },
  settings,
  component: LogJournal,
});
