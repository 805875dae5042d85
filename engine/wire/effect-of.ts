import { type Effect, type EffectFigure } from '../kernel/fault.ts';
import { type PolicyCounters } from './wire.ts';

/** What people call the messages of a protocol and what happens to them. */
export interface Words {
  readonly one: string;
  readonly many: string;
  /** The name of the figure, such as `error rate`, and what was done: `answered with an error`. */
  readonly failure?: { readonly figure: string; readonly done: string };
}

/** What a policy asks for, as shares (0-1) of the messages that match it. */
export interface Asks {
  readonly error: number;
  readonly drop: number;
  readonly latency: { readonly ms: number; readonly share: number } | undefined;
  /** Messages a second that are let through; 0 = no limit. */
  readonly throttle: number;
}

export interface Evidence {
  /** Route and target, in words. */
  readonly where: string;
  readonly words: Words;
  readonly asks: Asks;
  /** Undefined: the policy is not in the wire. */
  readonly counters: PolicyCounters | undefined;
  readonly rate: Rate;
  /** Said when no message came. */
  readonly hint: string;
}

/** How many messages a second throttling let through, and how many were counted for that. */
interface Rate {
  readonly perSecond: number | null;
  readonly samples: number;
}
export type RateMeter = (counters: PolicyCounters | undefined, now: number) => Rate;
/** A rate over less time than this (milliseconds) says little. */
const SHORTEST_MEASUREMENT = 500;

/** Measures from the first refusal that was seen: only then is the bucket known to be empty and the limit to be met. */
export function rateMeter(): RateMeter {
  let start: { readonly at: number; readonly passed: number } | undefined;
  return (counters, now) => {
    const { matched, errors, drops, throttled } = counters ?? NOTHING;
    const passed = matched - errors - drops - throttled;
    if (throttled > 0) start ??= { at: now, passed };
    if (start === undefined || now - start.at < SHORTEST_MEASUREMENT) return { perSecond: null, samples: 0 };
    return { perSecond: (passed - start.passed) / ((now - start.at) / 1_000), samples: passed - start.passed };
  };
}

/** One effect that the policy asks for, and what the counters say of it. */
interface Asked {
  readonly figure: EffectFigure;
  readonly delivered: boolean;
  readonly missing: string;
}

/**
 * Requested against delivered. Latency takes its share of the messages that did not fail (the error wins) and were let
 * through. Where policies overlap, a message counts as matched for each, but only the first to fail it has failed it.
 */
export function effectOf(evidence: Evidence): Effect {
  const { counters, where, words, hint } = evidence;
  const asked = askedOf(evidence, counters ?? NOTHING);
  const figures = asked.map(({ figure }) => figure);
  const silent = (detail: string): Effect => ({ bitten: false, detail, figures });
  if (asked.length === 0) return silent(`the policy asks for nothing that can be done to ${words.many}`);
  if (counters === undefined) return silent('the policy is not in the wire');
  if (counters.matched === 0) return silent(`no ${words.one} reached ${where}${hint}`);
  const reached = `${counters.matched} ${counters.matched === 1 ? words.one : words.many} reached ${where}`;
  const missing = asked.filter(({ delivered }) => !delivered).map((one) => one.missing);
  if (missing.length > 0) return silent(`${reached}, but ${[...new Set(missing)].join(' and ')}`);
  return { bitten: true, detail: `${reached}: ${summaryOf(counters, failureOf(words).done)}`, figures };
}

const failureOf = ({ failure }: Words): NonNullable<Words['failure']> =>
  failure ?? { figure: 'error rate', done: 'answered with an error' };

function askedOf({ asks, rate, words }: Evidence, counters: PolicyCounters): readonly Asked[] {
  const { matched, latencies, errors, drops, throttled, meanDelay } = counters;
  const share = (name: string, requested: number, count: number, of: number, missing: string): Asked => ({
    figure: { name, unit: 'ratio', requested, delivered: of === 0 ? null : count / of, samples: of },
    delivered: count > 0,
    missing,
  });
  const asked: Asked[] = [];
  if (asks.latency !== undefined) {
    const delivered = latencies === 0 ? null : meanDelay;
    const missing = 'none has been delayed to the end yet';
    asked.push({
      figure: { name: 'latency', unit: 'ms', requested: asks.latency.ms, delivered, samples: latencies },
      delivered: latencies > 0,
      missing,
    });
    // At chance 1 the share would only tell how many are still waiting.
    const able = matched - errors - drops - throttled;
    if (asks.latency.share < 1) asked.push(share('latency rate', asks.latency.share, latencies, able, missing));
  }
  const { figure, done } = failureOf(words);
  if (asks.error > 0) asked.push(share(figure, asks.error, errors, matched, `none has been ${done} yet`));
  if (asks.drop > 0) asked.push(share('drop rate', asks.drop, drops, matched, 'none has lost its connection yet'));
  if (asks.throttle > 0) {
    asked.push({
      figure: {
        name: 'let through',
        unit: 'per s',
        requested: asks.throttle,
        delivered: rate.perSecond,
        samples: rate.samples,
      },
      delivered: throttled > 0,
      missing: `none was over the limit of ${asks.throttle} per second`,
    });
  }
  return asked;
}

const NOTHING: PolicyCounters = { matched: 0, latencies: 0, errors: 0, drops: 0, throttled: 0, struck: 0, amount: 0, hits: 0, timed: 0, meanTime: 0, meanDelay: 0 };

function summaryOf({ latencies, errors, drops, throttled, meanDelay }: PolicyCounters, failed: string): string {
  const parts: string[] = [];
  if (latencies > 0) parts.push(`${latencies} delayed by ${meanDelay.toFixed(1)} ms on average`);
  if (errors > 0) parts.push(`${errors} ${failed}`);
  if (drops > 0) parts.push(`${drops} cut`);
  if (throttled > 0) parts.push(`${throttled} answered with 429`);
  return parts.join(', ');
}

export const namesOf = (routes: readonly string[]): string =>
  `${routes.length === 1 ? 'route' : 'routes'} ${routes.join(', ')}`;
