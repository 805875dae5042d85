import { FileText, FlaskConical, ListChecks, Plus, Route, Zap } from 'lucide-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ComponentType, type ReactNode, useEffect, useMemo, useRef } from 'react';
import { length, read, type Source } from '../../forms/document.ts';
import { countByItem, issuesAt } from '../../forms/issues.ts';
import { hasExperiment, type Section } from '../../forms/locate.ts';
import { Shape } from '../../ui/controls.tsx';
import { addCheck, addExperiment, addPolicy, addRoute } from './adding.ts';
import { selectSection, useBench } from './bench.ts';
import css from './builder.module.css';
import { useCheck } from './check.ts';

type Icon = ComponentType<{ size?: number | string; 'aria-hidden'?: boolean }>;
type Row =
  | {
      readonly kind: 'section';
      readonly section: Section;
      readonly title: string;
      readonly note: string;
      readonly icon: Icon;
      readonly issues: number;
      readonly inner: boolean;
    }
  | { readonly kind: 'add'; readonly title: string; readonly add: () => void };

/** What the file holds: every route, policy and check, each one press from its form. */
export function Outline(): ReactNode {
  const source = useBench((state) => state.source);
  const selected = useBench((state) => state.selected);
  const panel = useBench((state) => state.panel);
  const problem = useBench((state) => state.problem);
  const issues = useCheck((state) => state.issues);
  const rows = useMemo(() => rowsOf(source, issues), [source, issues]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 34,
    overscan: 12,
    useFlushSync: false,
  });
  const current = selected.join('.');
  const at = rows.findIndex((row) => row.kind === 'section' && row.section.join('.') === current);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' });
  }, [at, virtual]);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    let next = at + step;
    while (rows[next]?.kind === 'add') next += step;
    const row = rows[next];
    if (row?.kind !== 'section') return;
    selectSection(row.section);
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>('[aria-current="true"]')?.focus());
  };
  return (
    <nav className={css['outline']} aria-label="What the file holds" data-old={problem !== null ? '' : undefined}>
      <div ref={scroller} className={css['outlineRows']} onKeyDown={onKeyDown}>
        <ul style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start, size }) => {
            const row = rows[index] as Row;
            const place = { transform: `translateY(${start}px)`, height: size };
            if (row.kind === 'add') {
              return (
                <li key={row.title} style={place}>
                  <button type="button" className={css['outlineAdd']} onClick={row.add} disabled={problem !== null}>
                    <Plus size="1em" aria-hidden /> {row.title}
                  </button>
                </li>
              );
            }
            const { icon: Icon } = row;
            return (
              <li key={row.section.join('.') || 'file'} style={place}>
                <button
                  type="button"
                  className={css['outlineRow']}
                  data-inner={row.inner ? '' : undefined}
                  aria-current={panel === 'form' && index === at}
                  onClick={() => selectSection(row.section)}
                >
                  <Icon size="1.05em" aria-hidden />
                  <span className={css['outlineName']} title={row.title}>
                    {row.title}
                  </span>
                  {row.issues > 0 ? (
                    <span className={css['outlineIssues']}>
                      <Shape tone="bad" />
                      <span className="visually-hidden">errors: </span>
                      {row.issues}
                    </span>
                  ) : (
                    <span className={css['outlineNote']}>{row.note}</span>
                  )}
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    </nav>
  );
}

function rowsOf(source: Source, issues: ReturnType<typeof useCheck.getState>['issues']): readonly Row[] {
  const list = (path: Section, icon: Icon, word: string, note: (at: Section) => string, inner = false): Row[] => {
    const counts = countByItem(issues, path);
    return Array.from({ length: length(source, path) }, (_, index): Row => {
      const section = [...path, index];
      const title = read(source, [...section, 'name']).text || `${word} ${index + 1}`;
      return { kind: 'section', section, title, note: note(section), icon, issues: counts.get(index) ?? 0, inner };
    });
  };
  const beside = ['routes', 'policies', 'experiment'];
  const own =
    issuesAt(issues, [], beside).length + issues.filter(({ path }) => /^(routes|policies)$/.test(path)).length;
  const rows: Row[] = [
    {
      kind: 'section',
      section: [],
      title: read(source, ['name']).text || 'File',
      note: 'file',
      icon: FileText,
      issues: own,
      inner: false,
    },
    ...list(['routes'], Route, 'Route', (at) => read(source, [...at, 'protocol']).text),
    { kind: 'add', title: 'Add a route', add: addRoute },
    ...list(['policies'], Zap, 'Policy', (at) => read(source, [...at, 'type']).text),
    { kind: 'add', title: 'Add a policy', add: addPolicy },
  ];
  if (!hasExperiment(source)) return [...rows, { kind: 'add', title: 'Add an experiment', add: addExperiment }];
  return [
    ...rows,
    {
      kind: 'section',
      section: ['experiment'],
      title: 'Experiment',
      note: '',
      icon: FlaskConical,
      issues: issuesAt(issues, ['experiment'], ['steadyState']).length,
      inner: false,
    },
    ...list(['experiment', 'steadyState'], ListChecks, 'Check', () => 'check', true),
    { kind: 'add', title: 'Add a check', add: addCheck },
  ];
}
