/** The text format of Prometheus, as far as the room reads its own engine's. Pure. https://prometheus.io/docs/instrumenting/exposition_formats/ */

export interface Reading {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;
const unescape = (text: string): string => text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));

/** Every value of the text; comments and what is no number are left out. */
export function parseExposition(text: string): Reading[] {
  return text.split('\n').flatMap((line): Reading[] => {
    const match = line.startsWith('#') ? null : LINE.exec(line);
    if (match === null) return [];
    const [, name = '', labels = '', figure = ''] = match;
    const value = Number(figure.replace(/^([+-]?)Inf$/, '$1Infinity'));
    if (!Number.isFinite(value)) return [];
    return [
      {
        name,
        labels: Object.fromEntries(
          [...labels.matchAll(LABEL)].map(([, key = '', value = '']) => [key, unescape(value)]),
        ),
        value,
      },
    ];
  });
}

/** What can be asked of the engine's own metrics: a name, and labels that must be equal. Undefined for anything else. */
export function parseSelector(text: string): Pick<Reading, 'name' | 'labels'> | undefined {
  const match = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*$/.exec(text);
  if (match === null) return undefined;
  const [, name = '', inner = ''] = match;
  if (inner.replace(LABEL, '').replace(/[\s,]/g, '') !== '') return undefined;
  return {
    name,
    labels: Object.fromEntries([...inner.matchAll(LABEL)].map(([, key = '', value = '']) => [key, unescape(value)])),
  };
}

export const select = (readings: readonly Reading[], { name, labels }: Pick<Reading, 'name' | 'labels'>): Reading[] =>
  readings.filter(
    (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  );

/** How a series is called: its labels, or its name when it has none. */
export function nameOf(labels: Readonly<Record<string, string>>): string {
  const { __name__: name = '', ...rest } = labels;
  const inner = Object.entries(rest)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
  return inner === '' ? name || 'value' : inner;
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** [wall-clock ms, value], oldest first. */
  readonly points: readonly (readonly [number, number])[];
}

/** Adds what was read at a time to each series, and forgets what is older than `pastMs`; series that were not read stay as they are. */
export function extendSeries(
  before: readonly Series[],
  readings: readonly Reading[],
  at: number,
  pastMs: number,
): Series[] {
  const keyOf = (labels: Series['labels']): string => JSON.stringify(Object.entries(labels).toSorted());
  const fresh = new Map(readings.map((one) => [keyOf(one.labels), one]));
  const longer = before.map(({ labels, points }): Series => {
    const key = keyOf(labels);
    const one = fresh.get(key);
    fresh.delete(key);
    return {
      labels,
      points: [
        ...points.filter(([then]) => then > at - pastMs),
        ...(one === undefined ? [] : [[at, one.value] as const]),
      ],
    };
  });
  return [
    ...longer,
    ...[...fresh.values()].map(({ labels, value }): Series => ({ labels, points: [[at, value]] })),
  ].filter(({ points }) => points.length > 0);
}

/** Counters rise for ever; what is told of them is how much they rose a second. A counter that fell began anew. */
export const perSecond = ({ labels, points }: Series): Series => ({
  labels,
  points: points.slice(1).map(([at, value], index) => {
    const [before, earlier] = points[index]!;
    return [at, Math.max(0, value - earlier) / Math.max(0.001, (at - before) / 1_000)] as const;
  }),
});

/** Rows for a chart: every time any series has a point, with null where another has none. */
export function rowsOf(series: readonly Series[]): Record<string, number | null>[] {
  const rows = new Map<number, Record<string, number | null>>();
  series.forEach(({ points }, index) => {
    for (const [at, value] of points) {
      const row = rows.get(at) ?? { at };
      row[`s${index}`] = value;
      rows.set(at, row);
    }
  });
  return [...rows.values()].toSorted((a, b) => Number(a['at']) - Number(b['at']));
}
