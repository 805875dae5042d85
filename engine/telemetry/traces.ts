import { type Attributes, context, type Span, SpanStatusCode, trace, TraceFlags, type Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { type Clock, realClock } from '../kernel/clock.ts';
import { type TrafficLine } from '../contract/room.ts';
import { type EventBus } from './bus.ts';
import { type EngineEvent, type FaultReport } from './models.ts';

export interface TraceOptions {
  readonly bus: EventBus;
  /** Base URL of an OTLP/HTTP receiver; wins over the environment. */
  readonly endpoint?: string;
  /** Where OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT are looked up. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly clock?: Clock;
  /** Hears what faults did to messages, until it is disposed; asked for only when traces are on. */
  readonly traffic?: (take: (batch: { readonly lines: readonly StruckMessage[] }) => void) => Disposable;
}

/** A message that a fault acted on, as the wire tells it. */
export type StruckMessage = Pick<TrafficLine, 'at' | 'route' | 'protocol' | 'method' | 'target' | 'action' | 'policy' | 'delayMs' | 'status' | 'code' | 'traceId' | 'parentId'>;

/** The last spans are waited for this long, in milliseconds; what a dead receiver has not taken by then is lost. */
export const FLUSH_MS = 2_000;
/** Spans that wait for the receiver; more are dropped, so that a dead one costs a bounded amount of memory. */
const QUEUE = 2_048;
const BATCH = 256;
const DELAY_MS = 1_000;

/**
 * Sends a span for every run, every fault's life and every injected fault to an OTLP/HTTP receiver (JSON). Off, and
 * undefined, unless an endpoint is set. Works from the event log, in batches and in the background: nothing that
 * injects ever waits for it. Disposing flushes for at most two seconds. An endpoint that is no URL is logged, not
 * thrown.
 */
export function createTraces({
  bus,
  endpoint,
  env = process.env,
  version,
  clock = realClock,
  traffic,
}: TraceOptions): AsyncDisposable | undefined {
  const url = tracesUrl(endpoint, env);
  if (url === undefined) return undefined;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    bus.publish('', { kind: 'log', level: 'warn', text: `traces are off: ${url} is not an http(s) URL` });
    return undefined;
  }
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: FLUSH_MS });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'firebreak', 'service.version': version }),
    spanProcessors: [
      new BatchSpanProcessor(exporter, {
        maxQueueSize: QUEUE,
        maxExportBatchSize: BATCH,
        scheduledDelayMillis: DELAY_MS,
        exportTimeoutMillis: FLUSH_MS,
      }),
    ],
  });
  const tracer = provider.getTracer('firebreak', version);
  const spans = new FaultSpans(tracer);
  const subscription = bus.subscribe((event) => spans.see(event));
  const listening = traffic?.(({ lines }) => lines.forEach((line) => traceMessage(tracer, line)));
  return {
    [Symbol.asyncDispose]: async () => {
      subscription[Symbol.dispose]();
      listening?.[Symbol.dispose]();
      spans.endAll(clock.wall());
      const enough = new AbortController();
      const flushed = provider.shutdown().catch(() => {});
      await Promise.race([flushed, clock.sleep(FLUSH_MS, enough.signal).catch(() => {})]);
      enough.abort();
    },
  };
}

/** The general endpoint is a base, the one for traces is whole: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
function tracesUrl(
  endpoint: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const whole = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  if ((endpoint ?? '') === '' && whole !== undefined && whole !== '') return whole;
  const base = (endpoint ?? '') === '' ? env['OTEL_EXPORTER_OTLP_ENDPOINT'] : endpoint;
  return base === undefined || base === '' ? undefined : `${base.replace(/\/+$/, '')}/v1/traces`;
}

/** The spans that are open: one a run, and under it one a fault. Times are those of the events. */
class FaultSpans {
  readonly #tracer: Tracer;
  readonly #runs = new Map<string, Span>();
  readonly #faults = new Map<string, { readonly span: Span; readonly run: string; injected: number }>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  see({ run, at, body }: EngineEvent): void {
    switch (body.kind) {
      case 'run-started':
        this.#runs.set(
          run,
          this.#start('experiment', at, undefined, {
            'chaos.run': run,
            'chaos.experiment': body.name,
            'chaos.hypothesis': body.hypothesis,
          }),
        );
        break;
      case 'fault':
        this.#fault(run, at, body.fault);
        break;
      case 'injected':
        this.#injected(body.fault, at, body.count, body.detail);
        break;
      case 'breach':
        this.#runs
          .get(run)
          ?.addEvent(
            'breach',
            { 'chaos.when': body.when, 'chaos.probe': body.sample.probe, 'chaos.sample': body.sample.seq },
            new Date(at),
          );
        break;
      case 'run-ended': {
        const span = this.#runs.get(run);
        span?.setAttributes({
          'chaos.verdict': body.verdict,
          'chaos.reverted': body.reverted,
          'chaos.reason': body.reason,
        });
        if (body.verdict === 'failed' || !body.reverted)
          span?.setStatus({ code: SpanStatusCode.ERROR, message: body.reason });
        span?.end(new Date(at));
        this.#runs.delete(run);
        break;
      }
      default:
        break;
    }
  }

  /** Ends what is still open, so that it is sent: whoever reads the trace sees that it was cut off. */
  endAll(at: number): void {
    for (const span of [...[...this.#faults.values()].map((fault) => fault.span), ...this.#runs.values()]) {
      span.setAttribute('chaos.unfinished', true);
      span.end(new Date(at));
    }
    this.#faults.clear();
    this.#runs.clear();
  }

  #fault(run: string, at: number, report: FaultReport): void {
    const open = this.#faults.get(report.id);
    const ended = report.state === 'clean' || report.state === 'unconfirmed';
    if (open === undefined && (ended || report.state === 'planned')) return;
    const fault = open ?? {
      span: this.#start(`fault ${report.type}`, report.injectedAt ?? at, this.#runs.get(run)),
      run,
      injected: 0,
    };
    if (open === undefined) this.#faults.set(report.id, fault);
    fault.span.setAttributes(attributesOf(run, report));
    fault.span.addEvent(report.state, {}, new Date(at));
    if (!ended) return;
    fault.span.setAttribute('chaos.injected', fault.injected);
    if (!report.reverted)
      fault.span.setStatus({ code: SpanStatusCode.ERROR, message: report.note || 'not proven reverted' });
    fault.span.end(new Date(at));
    this.#faults.delete(report.id);
  }

  #injected(id: string, at: number, count: number, detail: string): void {
    const fault = this.#faults.get(id);
    if (fault === undefined) return;
    fault.injected += count;
    fault.span.addEvent('injected', { 'chaos.count': count, 'chaos.detail': detail }, new Date(at));
    this.#start('injected', at, fault.span, {
      'chaos.run': fault.run,
      'chaos.fault': id,
      'chaos.count': count,
      'chaos.detail': detail,
    }).end(new Date(at));
  }

  /** A Date, not a number: the SDK takes a small number for a reading of performance.now(). */
  #start(name: string, at: number, parent: Span | undefined, attributes: Attributes = {}): Span {
    const under = parent === undefined ? context.active() : trace.setSpan(context.active(), parent);
    return this.#tracer.startSpan(name, { startTime: new Date(at), attributes, root: parent === undefined }, under);
  }
}

/**
 * One span for one message that a fault acted on, within the message's own trace, under the span that sent it: so a
 * request that fails at its third hop shows where, and by which policy. A message without a trace gets none.
 */
function traceMessage(tracer: Tracer, line: StruckMessage): void {
  if (line.traceId === '' || line.parentId === undefined || line.action === 'pass') return;
  const sender = { traceId: line.traceId, spanId: line.parentId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
  const attributes: Attributes = {
    'chaos.route': line.route,
    'chaos.protocol': line.protocol,
    'chaos.policy': line.policy,
    'chaos.method': line.method,
    'chaos.target': line.target,
    'chaos.delay_ms': line.delayMs,
    ...(line.status !== null && { 'chaos.status': line.status }),
    ...(line.code !== undefined && { 'chaos.code': line.code }),
  };
  const began = { startTime: new Date(line.at - line.delayMs), attributes };
  tracer.startSpan(`chaos ${line.action}`, began, trace.setSpanContext(context.active(), sender)).end(new Date(line.at));
}

function attributesOf(run: string, { id, policy, type, target, effect, reverted }: FaultReport): Attributes {
  const attributes: Attributes = {
    'chaos.run': run,
    'chaos.fault': id,
    'chaos.policy': policy,
    'chaos.type': type,
    'chaos.target': target,
    'chaos.bitten': effect.bitten,
    'chaos.reverted': reverted,
  };
  for (const { name, unit, requested, delivered } of effect.figures) {
    const key = name.replaceAll(/[^\w]+/g, '_');
    if (requested !== null) attributes[`chaos.requested.${key}`] = requested;
    if (delivered !== null) attributes[`chaos.delivered.${key}`] = delivered;
    attributes[`chaos.unit.${key}`] = unit;
  }
  return attributes;
}
