import { type ReactNode, memo, useMemo } from 'react';
import { z } from 'zod';
import { useFrames } from '../../stores/frames.ts';
import { Empty, Shape } from '../../ui/controls.tsx';
import { count } from '../../ui/format.ts';
import { Target } from '../target.tsx';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { type Hit, KINDS, KIND_HELP, KIND_WORDS, type Kind, type Row, heatOf, matrixOf } from './matrix.ts';
import css from './widget.module.css';

const settings = z.object({
  onlyActive: z
    .boolean()
    .default(false)
    .meta({ title: 'Only targets under fault', help: 'Leaves out targets whose faults have ended.' }),
  fewer: z.boolean().default(false).meta({
    title: 'Only failures, latency and drops',
    help: 'Leaves out throttled messages and other injections; totals count them all the same.',
  }),
});
type Settings = z.infer<typeof settings>;

const NONE: readonly Hit[] = [];
const FEW: readonly Kind[] = ['errors', 'latencies', 'drops'];

function BlastRadius({ settings: { onlyActive, fewer } }: WidgetProps<Settings>): ReactNode {
  const hits = useFrames(({ last }) => last?.impact ?? NONE);
  const known = useFrames(({ last }) => last !== null);
  const { rows, totals, hottest } = useMemo(() => matrixOf(hits, onlyActive), [hits, onlyActive]);
  const kinds = fewer ? FEW : KINDS;
  if (!known) return <Empty title="No figures yet">They come with the first word of the engine.</Empty>;
  if (rows.length === 0)
    return (
      <Empty title={onlyActive ? 'No target is under fault' : 'No target was hit'}>
        What faults do to each target will be counted here.
      </Empty>
    );
  return (
    <div className={css['widget']} tabIndex={0} role="region" aria-label="Blast radius by target, scrolls">
      <table className={css['table']}>
        <caption className="visually-hidden">Injected faults since the engine started, by target and kind</caption>
        <thead>
          <tr>
            <th scope="col">Target</th>
            {kinds.map((kind) => (
              <th key={kind} scope="col" title={KIND_HELP[kind]}>
                {KIND_WORDS[kind]}
              </th>
            ))}
            <th scope="col">Total</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Line
              key={row.target}
              {...row}
              kinds={kinds}
              heats={kinds.map((kind) => heatOf(row[kind], hottest)).join('')}
            />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">
              <span className={css['name']}>All targets ({count(rows.length)})</span>
            </th>
            {kinds.map((kind) => (
              <td key={kind}>{count(totals[kind])}</td>
            ))}
            <td className={css['total']}>{count(totals.total)}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

interface LineProps extends Row {
  readonly kinds: readonly Kind[];
  /** One digit a kind: text, so that it compares as what it says. */
  readonly heats: string;
}
/** Memoised by its figures: most rows stay as they are from frame to frame. */
const Line = memo(function Line({ target, active, total, kinds, heats, ...row }: LineProps): ReactNode {
  return (
    <tr data-active={active ? '' : undefined}>
      <th scope="row">
        <span className={css['name']}>
          {active && <Shape tone="bad" />}
          <Target target={target} />
          {active && <span className="visually-hidden"> under fault</span>}
        </span>
      </th>
      {kinds.map((kind, index) => {
        const heat = Number(heats[index]);
        return (
          <td key={kind} data-heat={heat}>
            {/* The shape beside the colour: as many bars as it is hot. */}
            <span className={css['bars']} aria-hidden>
              {'▮'.repeat(heat)}
            </span>
            {count(row[kind])}
          </td>
        );
      })}
      <td className={css['total']}>{count(total)}</td>
    </tr>
  );
});

export const blastRadius = defineWidget<Settings>({
  type: 'blast-radius',
  title: 'Blast radius',
  about:
    'What faults did to each target: failures, latency, drops and more, with totals. Targets under fault come first.',
  size: { w: 6, h: 5 },
  least: { w: 3, h: 2 },
  settings,
  component: BlastRadius,
});
