import { z } from 'zod';
import { type Protocol } from '../contract/models.ts';
import { type Clock, realClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { type Effect, type FaultManifest, type FaultRequest, type Injector, type TargetPlan } from '../kernel/fault.ts';
import { type MessageParams, sharesOf } from '../kernel/message-fields.ts';
import { newFaultId } from '../kernel/random.ts';
import { type WirePolicy } from '../policy/snapshot.ts';
import { type Asks, effectOf, namesOf, rateMeter, type RateMeter, type Words } from './effect-of.ts';
import { type PolicyCounters, type Wire } from './wire.ts';

/** A process that cannot be confused with another one of the same pid. */
export interface Owner {
  readonly pid: number;
  readonly started: string;
}

/** What a fault on the wire needs of the engine. */
export interface WireInjectorDeps {
  readonly wire: Pick<Wire, 'add' | 'remove' | 'has' | 'counters' | 'routes'>;
  /** This process: the policy lives and dies with its wire. */
  readonly owner: Owner;
  ownerState(owner: Owner): 'self' | 'alive' | 'dead';
  /** For the rate that throttling lets through; the machine's own unless given. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** What one protocol adds to the life of a fault on the wire. */
export interface WireFault<Params extends MessageParams> {
  readonly protocol: Protocol;
  readonly manifest: Pick<FaultManifest, 'explain'>;
  /** The parameters as they count, with what is left out of them said; by default as they are. */
  counted?(params: Params): Params;
  /** What people call its messages and failures. */
  words(params: Params): Words;
  /** What the policy tells the wire beyond the fields that all share. */
  policy?(params: Params, target: string): Partial<WirePolicy>;
  /** Messages a second that are let through; 0 = no limit. */
  throttle?(params: Params): number;
  /** Which routes it can act on, and what they are called; by default those of its protocol. */
  readonly on?: RouteChoice;
  /** Said when no message reached the target: what may be wrong with it. */
  hint?(params: Params, target: string): string;
}

const undo = z.object({
  /** The policy in the wire's snapshot; made in `plan`, so no other fault can have it. */
  policyId: z.string().min(1),
  owner: z.object({ pid: z.int().positive(), started: z.string() }),
  routes: z.array(z.string()),
});
export type WireUndo = z.infer<typeof undo>;

/** Whether this process's wire holds the policy, no longer can (its process is dead), or another live process does. */
function holderOf(deps: WireInjectorDeps, record: WireUndo): 'here' | 'gone' {
  const state = deps.ownerState(record.owner);
  if (state === 'alive') {
    throw new FirebreakError('foreign-owner', `the policy is in the wire of the live process ${record.owner.pid}`, {
      hint: `run "firebreak halt", or end process ${record.owner.pid}: its policies end with it`,
    });
  }
  return state === 'self' ? 'here' : 'gone';
}

/** How one kind of policy is planned, put into the wire and measured there. */
export interface PolicyLife<Params> {
  plan(request: FaultRequest<Params>): TargetPlan<WireUndo>;
  policy(request: FaultRequest<Params>): Omit<WirePolicy, 'id'>;
  effect(record: WireUndo, request: FaultRequest<Params>, counters: PolicyCounters | undefined): Effect;
  /** It is out of the wire. */
  reverted?(record: WireUndo): void;
}

/** Puts a policy into the wire, reads its counters as proof, and takes it out again. */
export function policyInjector<Params>(deps: WireInjectorDeps, life: PolicyLife<Params>): Injector<Params, WireUndo> {
  return {
    undo,
    unavailable: () => '',
    plan: async (request) => [life.plan(request)],
    inject: async (record, context) => {
      const { request } = context;
      if (deps.wire.has(record.policyId)) return;
      const open = deps.wire.routes().map(({ name }) => name);
      if (!record.routes.some((name) => open.includes(name))) {
        throw new FirebreakError(
          'no-route',
          `${namesOf(record.routes)} is not open, so no message can reach policy ${request.policy}`,
          {
            hint: 'open the routes of the file before its faults',
          },
        );
      }
      await deps.wire.add({
        ...life.policy(request),
        id: record.policyId,
        fault: context.fault,
      });
    },
    verify: async (record, { request }) => life.effect(record, request, deps.wire.counters(record.policyId)),
    revert: async (record) => {
      life.reverted?.(record);
      if (holderOf(deps, record) === 'here') await deps.wire.remove(record.policyId);
    },
    fingerprint: async (record) => {
      const held = holderOf(deps, record) === 'here' && deps.wire.has(record.policyId);
      return `wire policy ${record.policyId}: ${held ? 'present' : 'absent'}`;
    },
  };
}

/** The same for a policy on the messages of a protocol. */
export function wireInjector<Params extends MessageParams>(deps: WireInjectorDeps, fault: WireFault<Params>): Injector<Params, WireUndo> {
  const meters = new Map<string, RateMeter>();
  const clock = deps.clock ?? realClock;
  const counted = (params: Params): Params => fault.counted?.(params) ?? params;
  const meterOf = (record: WireUndo): RateMeter => {
    const meter = meters.get(record.policyId) ?? rateMeter();
    meters.set(record.policyId, meter);
    return meter;
  };
  return policyInjector<Params>(deps, {
    plan: (request) => {
      const { one, many } = fault.words(request.params);
      const sentence = fault.manifest.explain(request.params as never, request.target);
      return planOn(deps.owner, request, { on: fault.on ?? ofProtocol(fault.protocol), one, many, sentence });
    },
    policy: (request) => policyOf(fault, { ...request, params: counted(request.params) }),
    effect: (record, request, counters) =>
      effectOf({
        where: `${namesOf(record.routes)} ${request.target}`,
        words: fault.words(request.params),
        asks: asksOf(fault, counted(request.params)),
        counters,
        rate: meterOf(record)(counters, clock.now()),
        hint: `${headerHint(request.params)}${fault.hint?.(request.params, request.target) ?? ''}`,
      }),
    reverted: ({ policyId }) => void meters.delete(policyId),
  });
}

/** The policy as the wire takes it, but for its id. */
function policyOf<Params extends MessageParams>(fault: WireFault<Params>, request: FaultRequest<Params>): Omit<WirePolicy, 'id'> {
  const { params } = request;
  return {
    name: request.policy,
    protocol: fault.protocol,
    target: request.target,
    route: request.route,
    seed: request.seed,
    latencyChance: params.latencyChance,
    latencyMs: params.latencyDuration,
    errorChance: params.errorChance,
    errorCode: params.errorCode ?? 0,
    errorBody: params.errorBody ?? '',
    dropConnection: params.dropConnection,
    matchHeaders: Object.fromEntries(
      Object.entries(params.matchHeaders ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    throttleRate: fault.throttle?.(params) ?? 0,
    everyNth: params.everyNth,
    nth: params.nth,
    when: params.when,
    ignored: request.ignored,
    ...fault.policy?.(params, request.target),
  };
}

function asksOf<Params extends MessageParams>(fault: WireFault<Params>, params: Params): Asks {
  const { error, drop, latency } = sharesOf(params);
  return {
    error,
    drop,
    latency: latency > 0 ? { ms: params.latencyDuration, share: params.latencyChance / Math.max(1, params.everyNth) } : undefined,
    throttle: error + drop < 1 ? (fault.throttle?.(params) ?? 0) : 0,
  };
}

/** The routes that a kind of policy can act on. */
export interface RouteChoice {
  takes(route: FaultRequest['routes'][number]): boolean;
  /** What one of them is called. */
  readonly called: string;
  /** What to do when there is none. */
  readonly remedy: string;
}
export const ANY_ROUTE: RouteChoice = { takes: () => true, called: 'route', remedy: 'add a route to the file' };
const ofProtocol = (protocol: Protocol): RouteChoice => ({
  takes: (route) => route.protocol === protocol,
  called: `${protocol} route`,
  remedy: `add a route with protocol: ${protocol} to the file`,
});

/** What a plan says of a policy on routes. */
export interface Planned {
  readonly on: RouteChoice;
  /** What people call that which is held back. */
  readonly one: string;
  readonly many: string;
  /** What will happen, from the manifest. */
  readonly sentence: string;
}

/** The plan of a policy on the routes that it can reach. Throws FirebreakError `no-route` when there is none. */
export function planOn(owner: Owner, request: FaultRequest<unknown>, { on, one, many, sentence }: Planned): TargetPlan<WireUndo> {
  const known = request.routes.filter((route) => on.takes(route)).map(({ name }) => name);
  const routes = known.filter((name) => request.route === '' || name === request.route);
  if (routes.length === 0) {
    const wanted = `there is no ${on.called}${request.route === '' ? '' : ` named ${request.route}`}`;
    throw new FirebreakError('no-route', `policy ${request.policy}: ${wanted}, so no ${one} can reach the fault`, {
      hint: known.length > 0 ? `the ${on.called}s are ${known.join(', ')}` : on.remedy,
    });
  }
  const names = namesOf(routes);
  return {
    target: `${names} ${request.target}`.trim(),
    undo: { policyId: newFaultId(), owner, routes },
    action: `Add the policy to the wire on ${names}: ${lowerFirst(sentence)}`,
    inverse: `Remove the policy from the wire on ${names}; ${many} it holds back go on at once.`,
    reversible: true,
  };
}

function headerHint({ matchHeaders = {} }: MessageParams): string {
  const names = Object.keys(matchHeaders);
  return names.length === 0 ? '' : ` with the wanted ${names.length === 1 ? 'header' : 'headers'} ${names.join(', ')}`;
}
const lowerFirst = (text: string): string => `${text[0]?.toLowerCase()}${text.slice(1)}`;
