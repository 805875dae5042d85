import { type ReactNode } from 'react';
import css from './sparkline.module.css';

export interface SparklineProps {
  /** Oldest first; null is a gap. */
  readonly values: readonly (number | null)[];
  /** Drawn as a dashed line across, when it lies within reach of the values. */
  readonly limit?: number | undefined;
  /** How many values fill the width: the line comes in from the right. */
  readonly room: number;
}

const [WIDTH, HEIGHT, EDGE] = [100, 28, 2];

/** A small picture of how something went; the figures beside it say what it is, so it is no picture for a screen reader. */
export function Sparkline({ values, limit, room }: SparklineProps): ReactNode {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return <svg className={css['sparkline']} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden />;
  const all = limit === undefined ? known : [...known, limit];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  // A line that does not move stands in the middle.
  const y = (value: number): number =>
    high === low ? HEIGHT / 2 : HEIGHT - EDGE - ((value - low) / (high - low)) * (HEIGHT - 2 * EDGE);
  const x = (index: number): number => ((room - values.length + index) / Math.max(1, room - 1)) * WIDTH;
  let path = '';
  values.forEach((value, index) => {
    if (value !== null)
      path += `${index === 0 || values[index - 1] === null ? 'M' : 'L'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  return (
    <svg className={css['sparkline']} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden>
      {limit !== undefined && <line x1={0} x2={WIDTH} y1={y(limit)} y2={y(limit)} className={css['limit']} />}
      <path d={path} className={css['line']} />
    </svg>
  );
}
