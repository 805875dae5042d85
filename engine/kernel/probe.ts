import { z } from 'zod';
import { durationText, type FieldMeta } from './fields.ts';
import { type Millis, millis } from './brands.ts';
import { formatDuration } from './durations.ts';

const about = (help: string, example: string | number | boolean, form?: FieldMeta['form']) =>
  ({ help, example, ...(form !== undefined && { form }) }) satisfies FieldMeta;
const words = (message: string) => z.string({ error: message }).min(1, message);
const EMA = 'expected a number above 0, up to 1';
const STATUS = 'expected a status code from 100 to 599 or a class such as 2xx';

/**
 * What measures the steady state. Probes are polled `every` so often; their figures are taken over the last `window`.
 */
const timing = {
  every: durationText(50, 3_600_000).default(millis(1_000)).meta(about('How often to poll.', '500ms')),
  timeout: durationText(1, 600_000).default(millis(2_000)).meta(about('After which an answer counts as failed.', '2s')),
  /** The sliding window of the figures. */
  window: durationText(100, 3_600_000)
    .default(millis(10_000))
    .meta(about('Over how much of the past the figures are taken.', '10s')),
};

export const httpProbeSpec = z.strictObject({
  type: z.literal('http'),
  /** http(s) URL, or `route://NAME/path`: the listening side of a route of the same file. */
  url: words('expected a URL').meta(
    about(
      'What to ask: http://, https://, or route://NAME/path for a route of the file.',
      'http://127.0.0.1:7000/health',
    ),
  ),
  method: z
    .enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'], {
      error: 'expected GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS',
    })
    .default('GET')
    .meta(about('The method of the request.', 'GET')),
  headers: z
    .record(z.string(), z.string({ error: 'expected text as the value of a header' }), {
      error: 'expected a mapping of header names to values',
    })
    .default({})
    .meta(about('Headers of the request.', '{ x-canary: "true" }')),
  body: z.string({ error: 'expected text' }).default('').meta(about('Body of the request.', '{}', 'lines')),
  /** What counts as success: a status code or a class such as `2xx`; empty means 200-399. */
  status: z
    .array(
      z.union([z.int(STATUS).min(100, STATUS).max(599, STATUS), z.string().regex(/^[1-5]xx$/, STATUS)], {
        error: STATUS,
      }),
      { error: 'expected a list of status codes' },
    )
    .default([])
    .meta(about('Which answers count as success; empty means 200-399.', '[2xx, 304]')),
  /** Text that the body must contain to count as success; empty means any. */
  contains: z.string({ error: 'expected text' }).default('').meta(about('Text that the answer must contain.', 'ok')),
  /** T of Apdex: satisfied up to T, tolerating up to 4T (Apdex specification 1.1). */
  apdex_t: durationText(1, 600_000)
    .default(millis(500))
    .meta(about('T of Apdex: satisfied up to T, tolerating up to 4T.', '500ms')),
  /** Weight of the newest value in the exponential moving average, 0-1. */
  ema: z
    .number({ error: EMA })
    .gt(0, EMA)
    .max(1, EMA)
    .default(0.2)
    .meta(about('Weight of the newest value in the moving average of Apdex.', 0.2)),
  ...timing,
});

export const prometheusProbeSpec = z.strictObject({
  type: z.literal('prometheus'),
  /** Base URL of the server. */
  url: words('expected a URL').meta(about('Where the Prometheus server answers.', 'http://127.0.0.1:9090')),
  /** PromQL, evaluated as an instant query; must give a scalar or a vector of one element. */
  query: words('expected a query').meta(about('PromQL that gives one number.', 'sum(rate(http_requests_total[1m]))', 'lines')),
  ...timing,
});

export const probeSpec = z.discriminatedUnion('type', [httpProbeSpec, prometheusProbeSpec]);
export type ProbeSpec = z.infer<typeof probeSpec>;
export type HttpProbeSpec = z.infer<typeof httpProbeSpec>;
export type PrometheusProbeSpec = z.infer<typeof prometheusProbeSpec>;

/** A spec as text that `probeSpec` reads again to the same: durations are written out. */
export function writeProbeSpec(spec: ProbeSpec): z.input<typeof probeSpec> {
  const { every, timeout, window } = spec;
  const timing = { every: formatDuration(every), timeout: formatDuration(timeout), window: formatDuration(window) };
  return spec.type === 'http' ? { ...spec, ...timing, apdex_t: formatDuration(spec.apdex_t) } : { ...spec, ...timing };
}

/** The names a CEL expression over one probe may use; the others are null there. */
export const FIGURES = [
  'success_rate',
  'availability',
  'throughput',
  'p50',
  'p95',
  'p99',
  'apdex',
  'apdex_ema',
  'value',
  'samples',
] as const;
export type FigureName = (typeof FIGURES)[number];

/** Polls of a window in the classes of Apdex: up to T, up to 4T, and the rest, failures included. */
export interface ApdexTally {
  readonly satisfied: number;
  readonly tolerating: number;
  readonly frustrated: number;
}

/** One poll: the outcome of this request, and the figures over the window ending now. */
export interface Reading {
  readonly at: number;
  readonly ok: boolean;
  readonly latency: Millis | null;
  readonly error: string;
  readonly figures: Readonly<Record<FigureName, number | null>>;
  /** Over the same window; absent for a probe without Apdex. */
  readonly tally?: ApdexTally;
}

/** A probe in motion. `poll` never throws: a failed request is a reading. */
export interface Probe extends AsyncDisposable {
  readonly spec: ProbeSpec;
  /** What it measures, in a few words for the report. */
  describe(): string;
  poll(signal: AbortSignal): Promise<Reading>;
}
