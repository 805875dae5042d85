import { z } from 'zod';
import { durationText } from './fields.ts';
import { type Millis, millis } from './brands.ts';

/**
 * What measures the steady state. Probes are polled `every` so often; their figures are taken over the last `window`.
 */
const timing = {
  every: durationText(50, 3_600_000).default(millis(1_000)),
  timeout: durationText(1, 600_000).default(millis(2_000)),
  /** The sliding window of the figures. */
  window: durationText(100, 3_600_000).default(millis(10_000)),
};

export const httpProbeSpec = z.strictObject({
  type: z.literal('http'),
  /** http(s) URL, or `route://NAME/path`: the listening side of a route of the same file. */
  url: z.string().min(1),
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']).default('GET'),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().default(''),
  /** What counts as success: a status code or a class such as `2xx`; empty means 200-399. */
  status: z.array(z.union([z.int().min(100).max(599), z.string().regex(/^[1-5]xx$/)])).default([]),
  /** Text that the body must contain to count as success; empty means any. */
  contains: z.string().default(''),
  /** T of Apdex: satisfied up to T, tolerating up to 4T (Apdex specification 1.1). */
  apdex_t: durationText(1, 600_000).default(millis(500)),
  /** Weight of the newest value in the exponential moving average, 0-1. */
  ema: z.number().gt(0).max(1).default(0.2),
  ...timing,
});

export const prometheusProbeSpec = z.strictObject({
  type: z.literal('prometheus'),
  /** Base URL of the server. */
  url: z.string().min(1),
  /** PromQL, evaluated as an instant query; must give a scalar or a vector of one element. */
  query: z.string().min(1),
  ...timing,
});

export const probeSpec = z.discriminatedUnion('type', [httpProbeSpec, prometheusProbeSpec]);
export type ProbeSpec = z.infer<typeof probeSpec>;
export type HttpProbeSpec = z.infer<typeof httpProbeSpec>;
export type PrometheusProbeSpec = z.infer<typeof prometheusProbeSpec>;

/** The names a CEL expression over one probe may use; the others are null there. */
export const FIGURES = [
  'success_rate', 'availability', 'throughput', 'p50', 'p95', 'p99', 'apdex', 'apdex_ema', 'value', 'samples',
] as const;
export type FigureName = (typeof FIGURES)[number];

/** One poll: the outcome of this request, and the figures over the window ending now. */
export interface Reading {
  readonly at: number;
  readonly ok: boolean;
  readonly latency: Millis | null;
  readonly error: string;
  readonly figures: Readonly<Record<FigureName, number | null>>;
}

/** A probe in motion. `poll` never throws: a failed request is a reading. */
export interface Probe extends AsyncDisposable {
  readonly spec: ProbeSpec;
  /** What it measures, in a few words for the report. */
  describe(): string;
  poll(signal: AbortSignal): Promise<Reading>;
}
