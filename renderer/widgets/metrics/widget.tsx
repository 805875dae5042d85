import { type ReactNode, useMemo } from 'react';
import { z } from 'zod';
import { Chart, colorOf } from '../../ui/chart.tsx';
import { Empty, ErrorNote, Loading } from '../../ui/controls.tsx';
import { useBlotted } from '../../ui/discreet.tsx';
import { count } from '../../ui/format.ts';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { nameOf, rowsOf } from './exposition.ts';
import { useSeries } from './use-series.ts';
import css from './widget.module.css';

const settings = z.object({
  query: z.string().trim().min(1, 'expected a query').max(10_000).default('chaos_requests_total').meta({
    title: 'Query',
    help: 'PromQL for the server below. Without a server: a metric of this engine, such as chaos_faults_total{kind="latency"}; what ends in _total is shown per second.',
  }),
  url: z
    .string()
    .trim()
    .max(2_048)
    .refine(
      (url) => url === '' || /^https?:\/\/./.test(url),
      'expected an address that begins with http:// or https://, or nothing',
    )
    .default('')
    .meta({
      title: 'Prometheus server',
      help: 'Its address; empty means this engine itself.',
      example: 'http://127.0.0.1:9090',
    }),
  minutes: z
    .number()
    .min(1, 'expected 1 to 1440 minutes')
    .max(1_440, 'expected 1 to 1440 minutes')
    .default(5)
    .meta({ title: 'How far back', help: 'In minutes.' }),
  step: z
    .number()
    .min(1, 'expected 1 to 3600 seconds')
    .max(3_600, 'expected 1 to 3600 seconds')
    .default(2)
    .meta({ title: 'Step', help: 'Seconds from one point to the next; asked as often.' }),
});
type Settings = z.infer<typeof settings>;

/** More lines cannot be told apart; the legend says how many are left out. */
const MOST_LINES = 12;

function Metrics({ settings: { url, query, minutes, step } }: WidgetProps<Settings>): ReactNode {
  const { series, error, at } = useSeries({ url, query, pastMs: minutes * 60_000, stepMs: step * 1_000 });
  const blot = useBlotted();
  const shown = useMemo(() => (series ?? []).slice(0, MOST_LINES), [series]);
  const rows = useMemo(() => rowsOf(shown), [shown]);
  const lines = shown.map(({ labels }, index) => ({
    key: `s${index}`,
    name: blot(nameOf(labels)),
    color: colorOf(index),
  }));
  return (
    <div className={css['widget']}>
      <p className={css['query']}>
        <code title={query}>{query}</code>
        {url === '' && query.endsWith('_total') && <small>per second</small>}
        <small>{url === '' ? 'this engine' : blot(url)}</small>
      </p>
      {error !== undefined && <ErrorNote error={error} />}
      {series === undefined ? (
        error === undefined && <Loading what="Asking …" />
      ) : series.length === 0 ? (
        <Empty title="No series">The query is fine, and nothing answers to it.</Empty>
      ) : (
        <>
          <div className={css['chart']}>
            <Chart
              label={`${query}: ${lines.length} series`}
              lines={lines}
              points={rows}
              from={at - minutes * 60_000}
              to={at}
            />
          </div>
          <ul className={css['legend']} tabIndex={0} aria-label="Series">
            {shown.map(({ points }, index) => (
              <li key={index}>
                <span className={css['swatch']} style={{ background: lines[index]?.color }} aria-hidden />
                <span className={css['name']} title={lines[index]?.name}>
                  {lines[index]?.name}
                </span>
                <strong>{count(points.at(-1)?.[1] ?? null)}</strong>
              </li>
            ))}
            {series.length > MOST_LINES && <li>and {series.length - MOST_LINES} more</li>}
          </ul>
        </>
      )}
    </div>
  );
}

export const metrics = defineWidget<Settings>({
  type: 'metrics',
  title: 'Metrics',
  about: 'Any Prometheus query as lines over time, or the counters of this engine.',
  size: { w: 4, h: 5 },
  least: { w: 2, h: 3 },
  settings,
  component: Metrics,
});
