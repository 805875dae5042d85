import { z } from 'zod';
import { type Clock } from '../kernel/clock.ts';
import { EXIT, FirebreakError } from '../kernel/errors.ts';
import { createExchanger, type Exchange } from './exchange.ts';
import { resolveUrl } from './probe.ts';
import { apiUrl } from './prometheus.ts';

export interface SeriesQuery {
  /** Base URL of a Prometheus server. */
  readonly url: string;
  readonly query: string;
  /** How far back from now, and from one point to the next, milliseconds. */
  readonly pastMs: number;
  readonly stepMs: number;
}

/** One line of a chart; points are [wall-clock ms, value] in order of time. */
export interface Series {
  readonly labels: Record<string, string>;
  readonly points: [number, number][];
}

/** Asks Prometheus servers for the past; keeps its connections for a few seconds. */
export interface SeriesClient extends Disposable {
  /**
   * A range query that ends now. Points without a finite value are left out: they are gaps.
   * @throws FirebreakError `query-failed` with the server's own words or why there was no answer, `query-too-large`
   * before asking or when the answer exceeds the limits, `bad-probe-url`; and the signal's reason.
   */
  query(query: SeriesQuery, signal: AbortSignal): Promise<Series[]>;
}

/** Prometheus refuses more points than this in one series (web/api/v1/api.go, "exceeded maximum resolution"). */
const MAX_POINTS = 11_000;
/** A chart of more lines says nothing, and a query without aggregation can give a million. */
const MAX_SERIES = 200;
const MAX_ALL_POINTS = 100_000;
/** Bytes; 100,000 points take about 3 MB. */
const MAX_ANSWER = 8 * 1024 * 1024;
/** Milliseconds; told to the server too, so that it does not work on for nobody. */
const TIMEOUT = 15_000;
/** Characters of a server's complaint that are passed on. */
const MAX_WORDS = 1_000;

/** https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries; numbers are text, because JSON has no NaN. */
const rangeAnswer = z.discriminatedUnion('status', [
  z.object({ status: z.literal('error'), error: z.string() }),
  z.object({
    status: z.literal('success'),
    data: z.object({
      resultType: z.literal('matrix'),
      result: z.array(
        z.object({
          metric: z.record(z.string(), z.string()),
          values: z.array(z.tuple([z.number(), z.string()])).default([]),
          histograms: z.array(z.unknown()).default([]),
        }),
      ),
    }),
  }),
]);

export function createSeriesClient(clock: Clock): SeriesClient {
  const plain = createExchanger({ clock, secure: false });
  const secure = createExchanger({ clock, secure: true });
  return {
    query: async (query, signal) => {
      const base = resolveUrl(query.url, undefined);
      const client = base.protocol === 'https:' ? secure : plain;
      const url = apiUrl(base, 'query_range');
      const request = {
        where: () => url,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: formOf(query, clock.wall()),
        timeout: TIMEOUT,
        wantBody: true,
        maxBody: MAX_ANSWER,
      };
      const exchange = await client.exchange(request, signal);
      if (exchange.kind === 'stopped') throw signal.reason;
      return seriesOf(exchange);
    },
    [Symbol.dispose]: () => [plain, secure].forEach((client) => client[Symbol.dispose]()),
  };
}

/** Aligned to the step, so that a chart which asks again and again gets the same points again, and does not flicker. */
function formOf({ query, pastMs, stepMs }: SeriesQuery, now: number): string {
  const points = Math.floor(pastMs / stepMs) + 1;
  if (points > MAX_POINTS) {
    const why = `that would be ${points} points a series; a server gives at most ${MAX_POINTS}`;
    throw tooLarge(why, 'Ask for a longer step, or less of the past.');
  }
  const end = Math.floor(now / stepMs) * stepMs;
  const seconds = (ms: number): string => (ms / 1_000).toFixed(3);
  const start = end - (points - 1) * stepMs;
  return new URLSearchParams({
    query,
    start: seconds(start),
    end: seconds(end),
    step: seconds(stepMs),
    timeout: `${TIMEOUT}ms`,
  }).toString();
}

function seriesOf(exchange: Exchange): Series[] {
  if (exchange.kind !== 'answered') throw failed(exchange.error);
  if (exchange.cut) throw tooLarge(`the answer has more than ${MAX_ANSWER / 1024 / 1024} MiB`, LESS);
  const answer = parse(exchange.body);
  if (answer === undefined) {
    throw failed(exchange.status === 200 ? 'the answer is not one of Prometheus' : `HTTP ${exchange.status}`);
  }
  if (answer.status === 'error') throw failed(answer.error.slice(0, MAX_WORDS));
  const { result } = answer.data;
  if (result.length > MAX_SERIES) throw tooLarge(`the query gave ${result.length} series; at most ${MAX_SERIES} are shown`, LESS);
  const count = result.reduce((sum, { values }) => sum + values.length, 0);
  if (count > MAX_ALL_POINTS) throw tooLarge(`the query gave ${count} points; at most ${MAX_ALL_POINTS} are shown`, LESS);
  if (result.some(({ histograms }) => histograms.length > 0)) {
    throw failed('the query gave histograms, expected numbers', 'Take a quantile of them: histogram_quantile(0.99, ...).');
  }
  return result.map(({ metric, values }) => ({
    labels: metric,
    points: values
      .map(([at, value]): [number, number] => [Math.round(at * 1_000), numberOf(value)])
      .filter(([, value]) => Number.isFinite(value)),
  }));
}

const numberOf = (text: string): number => (text === '' ? Number.NaN : Number(text));
const LESS = 'Sum it up, such as sum by (job) (...) or topk(10, ...), or ask for a longer step.';

function parse(body: string): z.infer<typeof rangeAnswer> | undefined {
  try {
    return rangeAnswer.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}

const failed = (why: string, hint = 'Check the query, and that the URL is that of a Prometheus server.'): FirebreakError =>
  new FirebreakError('query-failed', `Prometheus: ${why}`, { exitCode: EXIT.usage, hint });
const tooLarge = (why: string, hint: string): FirebreakError =>
  new FirebreakError('query-too-large', `Prometheus: ${why}`, { exitCode: EXIT.usage, hint });
