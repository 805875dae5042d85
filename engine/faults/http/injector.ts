import { z } from 'zod';
import { type Clock, realClock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import {
  type Effect,
  type EffectFigure,
  type FaultRequest,
  type Injector,
  type TargetPlan,
} from '../../kernel/fault.ts';
import { newFaultId } from '../../kernel/random.ts';
import { type PolicyCounters, type Wire } from '../../wire/wire.ts';
import { httpManifest, type HttpParams, sharesOf } from './manifest.ts';

/** A process that cannot be confused with another one of the same pid. */
export interface Owner {
  readonly pid: number;
  readonly started: string;
}

/** What the fault needs of the engine. */
export interface HttpInjectorDeps {
  readonly wire: Pick<Wire, 'add' | 'remove' | 'has' | 'counters' | 'routes'>;
  /** This process: the policy lives and dies with its wire. */
  readonly owner: Owner;
  ownerState(owner: Owner): 'self' | 'alive' | 'dead';
  /** For the rate that throttling lets through; the machine's own unless given. */
  readonly clock?: Pick<Clock, 'now'>;
}

const undo = z.object({
  /** The policy in the wire's snapshot; made in `plan`, so no other fault can have it. */
  policyId: z.string().min(1),
  owner: z.object({ pid: z.int().positive(), started: z.string() }),
  routes: z.array(z.string()),
});
export type HttpUndo = z.infer<typeof undo>;

/** Whether this process's wire holds the policy, no longer can (its process is dead), or another live process does. */
function holderOf(deps: HttpInjectorDeps, record: HttpUndo): 'here' | 'gone' {
  const state = deps.ownerState(record.owner);
  if (state === 'alive') {
    throw new FirebreakError('foreign-owner', `the policy is in the wire of the live process ${record.owner.pid}`, {
      hint: `run "firebreak halt", or end process ${record.owner.pid}: its policies end with it`,
    });
  }
  return state === 'self' ? 'here' : 'gone';
}

/** Puts the policy into the wire, reads its counters as proof, and takes it out again. */
export function httpInjector(deps: HttpInjectorDeps): Injector<HttpParams, HttpUndo> {
  const meters = new Map<string, RateMeter>();
  const clock = deps.clock ?? realClock;
  const passedPerSecond = (record: HttpUndo, counters: PolicyCounters): Rate => {
    const meter = meters.get(record.policyId) ?? rateMeter();
    meters.set(record.policyId, meter);
    return meter(counters, clock.now());
  };
  return {
    undo,
    unavailable: () => '',
    plan: async (request) => [planFor(deps.owner, request)],
    inject: async (record, { fault, request }) => {
      if (deps.wire.has(record.policyId)) return;
      const open = deps.wire.routes().map(({ name }) => name);
      if (!record.routes.some((name) => open.includes(name))) {
        throw new FirebreakError(
          'no-route',
          `${namesOf(record.routes)} is not open, so no request can reach policy ${request.policy}`,
          {
            hint: 'open the routes of the file before its faults',
          },
        );
      }
      const { params } = request;
      await deps.wire.add({
        id: record.policyId,
        fault,
        name: request.policy,
        protocol: 'http',
        target: request.target,
        route: request.route,
        seed: request.seed,
        latencyChance: params.latencyChance,
        latencyMs: params.latencyDuration,
        errorChance: params.errorChance,
        errorCode: params.errorCode,
        errorBody: params.errorBody,
        dropConnection: params.dropConnection,
        matchHeaders: Object.fromEntries(
          Object.entries(params.matchHeaders).map(([name, value]) => [name.toLowerCase(), value]),
        ),
        throttleRate: params.throttleRate,
        ignored: request.ignored,
      });
    },
    verify: async (record, { request }) => {
      const counters = deps.wire.counters(record.policyId);
      return effectOf(request, record, counters, passedPerSecond(record, counters ?? NOTHING));
    },
    revert: async (record) => {
      meters.delete(record.policyId);
      if (holderOf(deps, record) === 'here') await deps.wire.remove(record.policyId);
    },
    fingerprint: async (record) => {
      const held = holderOf(deps, record) === 'here' && deps.wire.has(record.policyId);
      return `wire policy ${record.policyId}: ${held ? 'present' : 'absent'}`;
    },
  };
}

function planFor(owner: Owner, request: FaultRequest<HttpParams>): TargetPlan<HttpUndo> {
  const known = request.routes.filter(({ protocol }) => protocol === 'http').map(({ name }) => name);
  const routes = known.filter((name) => request.route === '' || name === request.route);
  if (routes.length === 0) {
    const wanted = request.route === '' ? 'there is no http route' : `there is no http route named ${request.route}`;
    throw new FirebreakError('no-route', `policy ${request.policy}: ${wanted}, so no request can reach the fault`, {
      hint:
        known.length === 0 ? 'add a route with protocol: http to the file' : `the http routes are ${known.join(', ')}`,
    });
  }
  const names = namesOf(routes);
  const sentence = httpManifest.explain(request.params, request.target);
  return {
    target: `${names} ${request.target}`,
    undo: { policyId: newFaultId(), owner, routes },
    action: `Add the policy to the wire on ${names}: ${lowerFirst(sentence)}`,
    inverse: `Remove the policy from the wire on ${names}; requests it holds back go on at once.`,
    reversible: true,
  };
}

/** How many requests a second throttling let through, and how many were counted for that. */
interface Rate {
  readonly perSecond: number | null;
  readonly samples: number;
}
type RateMeter = (counters: PolicyCounters, now: number) => Rate;
/** A rate over less time than this says little. */
const SHORTEST_MEASUREMENT = 500;

/** Measures from the first refusal that was seen: only then is the bucket known to be empty and the limit to be met. */
function rateMeter(): RateMeter {
  let start: { readonly at: number; readonly passed: number } | undefined;
  return ({ matched, errors, drops, throttled }, now) => {
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
 * Requested against delivered. Latency takes its share of the requests that did not fail (the error wins) and were let
 * through. Where policies overlap, a request counts as matched for each, but only the first to fail it has failed it.
 */
function effectOf(
  request: FaultRequest<HttpParams>,
  record: HttpUndo,
  counters: PolicyCounters | undefined,
  rate: Rate,
): Effect {
  const asked = askedOf(request.params, counters ?? NOTHING, rate);
  const figures = asked.map(({ figure }) => figure);
  const where = `${namesOf(record.routes)} ${request.target}`;
  const silent = (detail: string): Effect => ({ bitten: false, detail, figures });
  if (asked.length === 0) return silent('the policy asks for nothing that HTTP can do');
  if (counters === undefined) return silent('the policy is not in the wire');
  if (counters.matched === 0) {
    const hint = /^(\/|all$|\*$|$)/i.test(request.target.trim())
      ? ''
      : '; the target does not begin with /, so no path can match it';
    return silent(`no request reached ${where}${headerHint(request.params)}${hint}`);
  }
  const reached = `${counters.matched} ${counters.matched === 1 ? 'request' : 'requests'} reached ${where}`;
  const missing = asked.filter(({ delivered }) => !delivered).map((one) => one.missing);
  if (missing.length > 0) return silent(`${reached}, but ${[...new Set(missing)].join(' and ')}`);
  return { bitten: true, detail: `${reached}: ${summaryOf(counters)}`, figures };
}

function askedOf(params: HttpParams, counters: PolicyCounters, rate: Rate): readonly Asked[] {
  const { matched, latencies, errors, drops, throttled, meanDelay } = counters;
  const { error, drop, latency } = sharesOf(params);
  const share = (name: string, requested: number, count: number, of: number, missing: string): Asked => ({
    figure: { name, unit: 'ratio', requested, delivered: of === 0 ? null : count / of, samples: of },
    delivered: count > 0,
    missing,
  });
  const asked: Asked[] = [];
  if (latency > 0) {
    const delivered = latencies === 0 ? null : meanDelay;
    const missing = 'none has been delayed to the end yet';
    asked.push({
      figure: { name: 'latency', unit: 'ms', requested: params.latencyDuration, delivered, samples: latencies },
      delivered: latencies > 0,
      missing,
    });
    // At chance 1 the share would only tell how many are still waiting.
    const able = matched - errors - drops - throttled;
    if (params.latencyChance < 1) asked.push(share('latency rate', params.latencyChance, latencies, able, missing));
  }
  if (error > 0) asked.push(share('error rate', error, errors, matched, 'none has been answered with an error yet'));
  if (drop > 0) asked.push(share('drop rate', drop, drops, matched, 'none has lost its connection yet'));
  if (params.throttleRate > 0 && error + drop < 1) {
    asked.push({
      figure: {
        name: 'let through',
        unit: 'per s',
        requested: params.throttleRate,
        delivered: rate.perSecond,
        samples: rate.samples,
      },
      delivered: throttled > 0,
      missing: `none was over the limit of ${params.throttleRate} per second`,
    });
  }
  return asked;
}

const NOTHING: PolicyCounters = { matched: 0, latencies: 0, errors: 0, drops: 0, throttled: 0, meanDelay: 0 };

function summaryOf({ latencies, errors, drops, throttled, meanDelay }: PolicyCounters): string {
  const parts: string[] = [];
  if (latencies > 0) parts.push(`${latencies} delayed by ${meanDelay.toFixed(1)} ms on average`);
  if (errors > 0) parts.push(`${errors} answered with an error`);
  if (drops > 0) parts.push(`${drops} cut`);
  if (throttled > 0) parts.push(`${throttled} answered with 429`);
  return parts.join(', ');
}

function headerHint({ matchHeaders }: HttpParams): string {
  const names = Object.keys(matchHeaders);
  return names.length === 0 ? '' : ` with the wanted ${names.length === 1 ? 'header' : 'headers'} ${names.join(', ')}`;
}

const namesOf = (routes: readonly string[]): string =>
  `${routes.length === 1 ? 'route' : 'routes'} ${routes.join(', ')}`;
const lowerFirst = (text: string): string => `${text[0]?.toLowerCase()}${text.slice(1)}`;
