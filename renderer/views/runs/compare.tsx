import { ArrowLeft } from 'lucide-react';
import { type ReactNode } from 'react';
import { go } from '../../stores/place.ts';
import { Badge, Button, Loading } from '../../ui/controls.tsx';
import { duration } from '../../ui/format.ts';
import { figureText } from '../../ui/figures.ts';
import { Time } from '../../ui/time.tsx';
import { type Comparison, compare } from './compare.ts';
import { Charts } from './charts.tsx';
import css from './runs.module.css';
import { useRecord } from './use-record.ts';
import { VERDICT_TONES } from './words.ts';
import { Wrong } from './wrong.tsx';

/** Two runs beside each other: what differs, and by how much. */
export function Compare({ a, b }: { readonly a: string; readonly b: string }): ReactNode {
  const [left, right] = [useRecord(a), useRecord(b)];
  const error = left.error ?? right.error;
  if (error !== undefined) return <Wrong title="These runs cannot be compared" error={error} />;
  if (left.record === undefined || right.record === undefined || left.story === undefined || right.story === undefined)
    return <Loading what="Reading both runs …" />;
  const both = [left, right] as const;
  return (
    <article className={css['detail']} aria-label="Two runs compared">
      <header className={css['head']}>
        <h2>Two runs compared</h2>
        <Button icon={ArrowLeft} onClick={() => go('runs', a)}>
          Back to the first
        </Button>
      </header>
      <table className={css['table']}>
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">What</span>
            </th>
            {both.map(({ record }, index) => (
              <th scope="col" key={index}>
                {record?.name} <small>{record !== undefined && <Time at={record.startedAt} date />}</small>
              </th>
            ))}
            <th scope="col">Change</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Verdict</th>
            {both.map(({ record }, index) => (
              <td key={index}>
                {record?.verdict != null && <Badge tone={VERDICT_TONES[record.verdict]}>{record.verdict}</Badge>}
              </td>
            ))}
            <td>{left.record.verdict === right.record.verdict ? 'same' : 'differs'}</td>
          </tr>
          {compare(left.record, right.record).map((row) => (
            <Row key={row.name} row={row} />
          ))}
        </tbody>
      </table>
      <div className={css['beside']}>
        {both.map(({ story }, index) => story !== undefined && <Charts key={index} story={story} />)}
      </div>
    </article>
  );
}

function Row({ row: { name, figure, a, b } }: { readonly row: Comparison }): ReactNode {
  const text = (value: number | null): string => (figure === 'ms' ? duration(value) : figureText(figure, value));
  const change = a === null || b === null ? '—' : a === b ? 'same' : `${b > a ? '▲' : '▼'} ${text(Math.abs(b - a))}`;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{text(a)}</td>
      <td>{text(b)}</td>
      <td>{change}</td>
    </tr>
  );
}
