import { type Injector } from '../../kernel/fault.ts';
import { ANY_ROUTE, planOn, policyInjector, type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { TOXIC_SCOPE, type ToxicSpec } from '../../wire/toxics/spec.ts';
import { effectOfToxic } from './effect.ts';
import { tcpManifest, type TcpParams } from './manifest.ts';

/** Puts a toxic into the wire, reads its counters as proof, and takes it out again. */
export function tcpInjector(deps: WireInjectorDeps): Injector<TcpParams, WireUndo> {
  return policyInjector<TcpParams>(deps, {
    plan: (request) => {
      const sentence = tcpManifest.explain(request.params, request.target);
      return planOn(deps.owner, request, { on: ANY_ROUTE, one: 'connection', many: 'bytes', sentence });
    },
    policy: ({ policy, route, seed, params }) => ({
      name: policy,
      protocol: 'tcp',
      scope: TOXIC_SCOPE,
      extra: { ...specOf(params) },
      target: 'all',
      route,
      seed,
      latencyChance: 0,
      latencyMs: 0,
      errorChance: 0,
      errorCode: 0,
      errorBody: '',
      dropConnection: false,
      matchHeaders: {},
      throttleRate: 0,
    }),
    effect: (record, { params }, counters) => effectOfToxic(params, record.routes, counters),
  });
}

/** The toxic as the wire takes it. */
export function specOf(asked: TcpParams): ToxicSpec {
  return {
    kind: asked.toxic,
    stream: asked.stream,
    toxicity: asked.toxicity,
    latency: asked.latencyDuration,
    jitter: asked.jitter,
    rate: asked.rate,
    wait: asked.toxic === 'slow_close' ? asked.closeDelay : asked.timeout,
    averageSize: asked.averageSize,
    sizeVariation: asked.sizeVariation,
    pause: asked.sliceDelay,
    bytes: asked.limitBytes,
    chance: asked.chance,
    pieceSize: asked.pieceSize,
  };
}
