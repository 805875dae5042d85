import { type Effect, type EffectFigure } from '../../kernel/fault.ts';
import { namesOf } from '../../wire/effect-of.ts';
import { type PolicyCounters } from '../../wire/wire.ts';
import { type TcpParams } from './manifest.ts';

/** One thing that a toxic delivers, and what is said while it has not. */
interface Proof {
  readonly figures: readonly EffectFigure[];
  readonly delivered: boolean;
  readonly did: string;
  readonly missing: string;
}

const NOTHING: PolicyCounters = {
  matched: 0, latencies: 0, errors: 0, drops: 0, throttled: 0, struck: 0, amount: 0, hits: 0, timed: 0, meanTime: 0, meanDelay: 0,
};

/** Requested against delivered, from what the wire counted since the toxic took hold. */
export function effectOfToxic(asked: TcpParams, routes: readonly string[], counters: PolicyCounters | undefined): Effect {
  const { figures, delivered, did, missing } = proofOf(asked, routes.length, counters ?? NOTHING);
  const { matched, struck, hits } = counters ?? NOTHING;
  const where = namesOf(routes);
  const all = asked.toxicity < 1 ? [...figures, figure('connections hit', 'ratio', asked.toxicity, struck, matched)] : figures;
  const silent = (detail: string): Effect => ({ bitten: false, detail, figures: [...all] });
  if (counters === undefined) return silent('the policy is not in the wire');
  // A route that does not listen needs nobody who calls.
  if (matched === 0 && !(asked.toxic === 'down' && hits > 0)) return silent(`no connection was open on ${where}`);
  const reached = `${struck} of ${matched} ${matched === 1 ? 'connection' : 'connections'} on ${where} hit`;
  return delivered ? { bitten: true, detail: `${reached}: ${did}`, figures: [...all] } : silent(`${reached}, but ${missing}`);
}

/** `sum` over `samples`, or not measured without samples. */
const figure = (name: string, unit: EffectFigure['unit'], requested: number, sum: number, samples: number): EffectFigure => ({
  name,
  unit,
  requested,
  delivered: samples === 0 ? null : sum / samples,
  samples,
});
const delay = (name: string, requested: number, { meanTime, timed }: PolicyCounters): EffectFigure =>
  figure(name, 'ms', requested, meanTime * timed, timed);

function proofOf(asked: TcpParams, routes: number, counters: PolicyCounters): Proof {
  const { timed, hits, drops, amount, struck, meanTime } = counters;
  switch (asked.toxic) {
    case 'latency': {
      const figures = [delay('latency', meanLatency(asked), counters)];
      return { figures, delivered: timed > 0, did: `${timed} reads delayed by ${meanTime.toFixed(1)} ms on average`, missing: 'no bytes have come through yet' };
    }
    case 'bandwidth': {
      const busy = meanTime * timed;
      const figures = [{ name: 'rate', unit: 'KB/s' as const, requested: asked.rate, delivered: busy === 0 ? null : amount / busy, samples: timed }];
      return { figures, delivered: busy > 0, did: `${amount} bytes in ${(busy / 1_000).toFixed(2)} s`, missing: 'no bytes have come through yet' };
    }
    case 'slow_close': {
      const figures = [delay('delay of the end', asked.closeDelay, counters)];
      return { figures, delivered: timed > 0, did: `${timed} ended late`, missing: 'none has ended yet' };
    }
    case 'timeout': {
      if (asked.timeout === 0) {
        const figures = [figure('silent connections', 'count', struck, struck, struck > 0 ? 1 : 0)];
        return { figures, delivered: amount > 0 || drops > 0, did: `${amount} bytes held back, ${drops} given up by their sender`, missing: 'nobody has sent anything yet' };
      }
      const figures = [delay('time to the end', asked.timeout, counters)];
      return { figures, delivered: drops > 0, did: `${drops} ended, ${amount} bytes held back`, missing: 'none has ended yet' };
    }
    case 'reset_peer': {
      const figures = [delay('time to the reset', asked.timeout, counters)];
      return { figures, delivered: drops > 0, did: `${drops} reset`, missing: 'none has sent anything yet' };
    }
    case 'slicer': {
      const figures = [figure('size of a piece', 'bytes', asked.averageSize, amount, timed)];
      return { figures, delivered: hits > 0, did: `${amount} bytes in ${timed} pieces`, missing: 'nothing has been long enough to be sliced yet' };
    }
    case 'limit_data': {
      const figures = [figure('bytes before the end', 'bytes', asked.limitBytes, amount, drops)];
      return { figures, delivered: drops > 0, did: `${drops} ended`, missing: 'none has reached the limit yet' };
    }
    case 'down': {
      if (hits > 0) {
        const figures = [figure('routes that refuse', 'count', routes, hits, 1)];
        return { figures, delivered: true, did: `${drops} reset, and ${hits === 1 ? 'the route refuses' : `${hits} routes refuse`} new ones`, missing: '' };
      }
      // Every connection that is hit is turned away; what one of them sees cannot be told in shares.
      const figures = [figure('connections turned away', 'count', struck, drops, drops > 0 ? 1 : 0)];
      return { figures, delivered: drops > 0, did: `${drops} reset or turned away`, missing: 'nobody has tried to get in yet' };
    }
    case 'loss':
    case 'corruption': {
      const done = asked.toxic === 'loss' ? 'lost' : 'changed';
      const figures = [figure(`pieces ${done}`, 'ratio', asked.chance, hits, amount)];
      return { figures, delivered: hits > 0, did: `${hits} of ${amount} pieces ${done}`, missing: `none of ${amount} pieces has been ${done} yet` };
    }
  }
}

/** The mean of what latency and jitter ask for: a delay is never below 0. */
function meanLatency({ latencyDuration, jitter }: TcpParams): number {
  return jitter <= latencyDuration ? latencyDuration : (latencyDuration + jitter) ** 2 / (4 * jitter);
}
