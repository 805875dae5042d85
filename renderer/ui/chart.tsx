import { type ReactNode, useMemo } from 'react';
import { Area, AreaChart, CartesianGrid, Line, LineChart, Tooltip, XAxis, YAxis } from 'recharts';
import { usePreferences } from '../stores/preferences.ts';
import css from './chart.module.css';
import { count, timeOfDay } from './format.ts';
import { scaleOfRows, timeTicks } from './scale.ts';
import { useSize } from './size.ts';

export interface ChartLine {
  readonly key: string;
  readonly name: string;
  readonly color: string;
}
export interface ChartProps {
  /** What it shows, in words, for those who do not see it. */
  readonly label: string;
  readonly lines: readonly ChartLine[];
  /** `at` in wall-clock ms, and a value for each line's key; null is a gap. */
  readonly points: readonly Readonly<Record<string, number | null>>[];
  /** The time shown, wall-clock ms: the axis does not move with what is known. */
  readonly from: number;
  readonly to: number;
  /** Areas on top of each other, whose height is their sum. */
  readonly stacked?: boolean;
  readonly format?: (value: number) => string;
}

/** The colours that lines are given in turn; with more lines they come again, with another dash. */
const COLORS = 6;
export const colorOf = (index: number): string => `var(--series-${(index % COLORS) + 1})`;
export const dashOf = (index: number): string => ['', '6 3', '2 3', '8 3 2 3'][Math.floor(index / COLORS) % 4] ?? '';

const MARGIN = { top: 6, right: 8, bottom: 0, left: 0 };
/** Widths in em of the text of an axis, so that a change of figures moves nothing. */
const AXIS_EM = 3.4;
/** Of `14:03:27`, and of that with the gap to the next. */
const [TIME_EM, TIME_WITH_GAP_EM] = [4.8, 8];
/** A grid without upright lines: told so by `vertical`, recharts measures the text of every tick all the same. */
const NO_LINES = (): number[] => [];

/** The moments that the time axis names: ours, because recharts would lay out the page for each to see what fits. */
function momentsOf(from: number, to: number, width: number, px: number): number[] {
  const plot = width - AXIS_EM * px - MARGIN.right;
  if (plot <= 0) return [];
  // The last must not be cut at the edge.
  const edge = Math.max(0, (TIME_EM / 2) * px - MARGIN.right) / plot;
  return timeTicks(from, to - edge * (to - from), Math.floor(plot / (TIME_WITH_GAP_EM * px)));
}

/** Lines or areas over time, without any animation: what is measured appears where it belongs, at once. */
export function Chart({ label, lines, points, from, to, stacked = false, format = count }: ChartProps): ReactNode {
  const [ref, size] = useSize<HTMLDivElement>();
  const zone = usePreferences(({ clock }) => clock);
  const presenter = usePreferences(({ presenter }) => presenter);
  const px = presenter ? 15 : 12;
  const scale = useMemo(
    () =>
      scaleOfRows(
        points,
        lines.map(({ key }) => key),
        stacked,
      ),
    [points, lines, stacked],
  );
  const tick = { fontSize: px, fill: 'var(--muted)' };
  const axes = [
    <CartesianGrid key="grid" vertical={false} verticalCoordinatesGenerator={NO_LINES} stroke="var(--line)" />,
    <XAxis
      key="x"
      dataKey="at"
      type="number"
      domain={[from, to]}
      allowDataOverflow
      ticks={momentsOf(from, to, size?.width ?? 0, px)}
      interval={0}
      tickFormatter={(at: number) => timeOfDay(at, zone)}
      tick={tick}
      stroke="var(--line-strong)"
      tickLine={false}
      height={px * 1.8}
    />,
    <YAxis
      key="y"
      width={px * AXIS_EM}
      domain={[...scale.domain]}
      ticks={[...scale.ticks]}
      tickFormatter={format}
      tick={tick}
      stroke="var(--line)"
      tickLine={false}
      axisLine={false}
      interval={0}
    />,
    <Tooltip
      key="tip"
      isAnimationActive={false}
      labelFormatter={(at) => timeOfDay(Number(at), zone)}
      formatter={(value) => format(Number(value))}
      wrapperClassName={css['tip'] ?? ''}
      itemSorter={(item) => -Number(item.value)}
      cursor={{ stroke: 'var(--line-strong)' }}
    />,
  ];
  const common = { isAnimationActive: false, dot: false, strokeWidth: presenter ? 3 : 2, connectNulls: false } as const;
  const given = {
    ...size,
    data: points as Record<string, number | null>[],
    margin: MARGIN,
    accessibilityLayer: false,
  } as const;
  return (
    <div ref={ref} className={css['chart']} role="img" aria-label={label}>
      {size !== null &&
        (stacked ? (
          <AreaChart {...given} width={size.width} height={size.height}>
            {axes}
            {lines.map(({ key, name, color }) => (
              <Area
                key={key}
                {...common}
                dataKey={key}
                name={name}
                stackId="all"
                stroke={color}
                fill={color}
                fillOpacity={0.3}
                type="linear"
              />
            ))}
          </AreaChart>
        ) : (
          <LineChart {...given} width={size.width} height={size.height}>
            {axes}
            {lines.map(({ key, name, color }, index) => (
              <Line
                key={key}
                {...common}
                dataKey={key}
                name={name}
                stroke={color}
                strokeDasharray={dashOf(index)}
                type="linear"
              />
            ))}
          </LineChart>
        ))}
    </div>
  );
}
