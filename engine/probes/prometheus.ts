import { z } from 'zod';
import { millis } from '../kernel/brands.ts';
import { type PrometheusProbeSpec, type Probe, type Reading } from '../kernel/probe.ts';
import { createExchanger, type Exchange, type ExchangerOptions, type WhereTo } from './exchange.ts';
import { NO_FIGURES } from './window.ts';

/** A point in time and its value as text, because JSON has no NaN or infinity. */
const point = z.tuple([z.number(), z.string()]);
/** https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries */
const queryAnswer = z.discriminatedUnion('status', [
  z.object({ status: z.literal('error'), error: z.string() }),
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({ resultType: z.literal('scalar'), result: point }),
      z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: point.optional() })) }),
      z.object({ resultType: z.literal('matrix'), result: z.unknown() }),
      z.object({ resultType: z.literal('string'), result: z.unknown() }),
    ]),
  }),
]);

/**
 * Asks a Prometheus server one instant query a poll. `value` is the newest answer and null when that poll gave none:
 * an old value is no measurement. `samples` counts the polls that gave a value since the start.
 */
export function createPrometheusProbe(spec: PrometheusProbeSpec, base: WhereTo, options: ExchangerOptions): Probe {
  const { clock } = options;
  const exchanger = createExchanger(options);
  const where: WhereTo = () => {
    const server = base();
    if (typeof server === 'string') return server;
    const url = apiUrl(server, 'query');
    url.searchParams.set('query', spec.query);
    return url;
  };
  const request = { where, method: 'GET', headers: {}, body: '', timeout: spec.timeout, wantBody: true };
  let samples = 0;

  const poll = async (signal: AbortSignal): Promise<Reading> => {
    const result = await exchanger.exchange(request, signal);
    const value = valueOf(result);
    const ok = typeof value === 'number';
    if (ok) samples++;
    return {
      at: clock.wall(),
      ok,
      latency: result.kind === 'answered' ? millis(result.ended - result.sent) : null,
      error: ok ? '' : value,
      figures: { ...NO_FIGURES, value: ok ? value : null, samples },
    };
  };
  return {
    spec,
    describe: () => `Prometheus ${spec.query}`,
    poll,
    [Symbol.asyncDispose]: async () => exchanger[Symbol.dispose](),
  };
}

/** The address of an operation of the HTTP API, also behind a prefix. */
export function apiUrl(base: URL, operation: string): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, '')}/api/v1/${operation}`;
  return url;
}

/** The value, or in plain words why there is none. */
function valueOf(result: Exchange): number | string {
  if (result.kind !== 'answered') return result.error;
  const answer = parse(result.body);
  if (answer === undefined) {
    return result.status === 200 ? 'the answer is not one of Prometheus' : `HTTP ${result.status}`;
  }
  if (answer.status === 'error') return `Prometheus: ${answer.error.split('\n')[0]}`.slice(0, 120);
  const { data } = answer;
  switch (data.resultType) {
    case 'scalar':
      return numberOf(data.result[1]);
    case 'vector': {
      if (data.result.length !== 1) return `the query gave ${data.result.length} series, expected one`;
      const value = data.result[0]?.value;
      return value === undefined ? 'the query gave a histogram, expected a number' : numberOf(value[1]);
    }
    default:
      return `the query gave a ${data.resultType}, expected a number`;
  }
}

function numberOf(text: string): number | string {
  const value = Number(text);
  return Number.isFinite(value) ? value : `the query gave ${text}`;
}

function parse(body: string): z.infer<typeof queryAnswer> | undefined {
  try {
    return queryAnswer.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}
