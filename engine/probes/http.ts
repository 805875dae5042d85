import { millis } from '../kernel/brands.ts';
import { type HttpProbeSpec, type Probe, type Reading } from '../kernel/probe.ts';
import { createExchanger, type Exchange, type ExchangerOptions, type WhereTo } from './exchange.ts';
import { SlidingWindow } from './window.ts';

/**
 * Polls one URL. A poll succeeds when a complete answer came in time, its status is wanted and the body contains the
 * text asked for (looked for in the first MiB). A poll that was stopped from outside counts for nothing.
 */
export function createHttpProbe(spec: HttpProbeSpec, where: WhereTo, options: ExchangerOptions): Probe {
  const { clock } = options;
  const exchanger = createExchanger(options);
  const window = new SlidingWindow({ window: spec.window, every: spec.every, apdexT: spec.apdex_t, ema: spec.ema });
  const wanted = statusTest(spec.status);
  const { method, headers, body, timeout } = spec;
  const request = { where, method, headers, body, timeout, wantBody: spec.contains !== '' };

  const problem = (result: Exchange): string => {
    if (result.kind !== 'answered') return result.error;
    if (!wanted(result.status)) return `HTTP ${result.status}`;
    return result.body.includes(spec.contains) ? '' : `the answer does not contain "${spec.contains.slice(0, 60)}"`;
  };
  const poll = async (signal: AbortSignal): Promise<Reading> => {
    const result = await exchanger.exchange(request, signal);
    const error = problem(result);
    const ok = error === '';
    const answered = result.kind === 'answered';
    const latency = answered ? result.ended - result.sent : result.kind === 'timed-out' ? timeout : null;
    if (result.kind !== 'stopped') window.add({ sent: result.sent, ended: result.ended, ok, answered, latency });
    return {
      at: clock.wall(),
      ok,
      latency: latency === null ? null : millis(latency),
      error,
      figures: window.figures(result.ended),
      tally: window.tally(result.ended),
    };
  };
  return {
    spec,
    describe: () => `${method} ${withoutPassword(spec.url)} every ${spec.every} ms`,
    poll,
    [Symbol.asyncDispose]: async () => exchanger[Symbol.dispose](),
  };
}

/** A test for codes and classes such as `2xx`; with none given, 200-399 count as success. */
export function statusTest(wanted: HttpProbeSpec['status']): (status: number) => boolean {
  if (wanted.length === 0) return (status) => status >= 200 && status < 400;
  const codes = new Set(wanted.filter((item) => typeof item === 'number'));
  const classes = new Set(wanted.filter((item) => typeof item === 'string').map((item) => Number(item[0])));
  return (status) => codes.has(status) || classes.has(Math.floor(status / 100));
}

/** A description stands on shared screens and in reports: no `user:password@` in it. */
const withoutPassword = (url: string): string => url.replace(/\/\/[^/?#]*@/, '//***@');
