import { type FaultRequest, type Injector } from '../../kernel/fault.ts';
import { wireInjector, type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { type Aim, aimOf } from './aim.ts';
import { redisManifest, type RedisParams } from './manifest.ts';

const WORDS = { one: 'command', many: 'commands' };
const MISS_WORDS = { one: 'read', many: 'reads', failure: { figure: 'miss rate', done: 'answered with nothing' } };

/** What the wire's policy is made of, besides the fields that all protocols share. */
type Aimed = RedisParams & { readonly aim?: Aim };

/** Puts the policy into the wire, reads its counters as proof, and takes it out again. */
export function redisInjector(deps: WireInjectorDeps): Injector<RedisParams, WireUndo> {
  const injector = wireInjector<Aimed>(deps, {
    protocol: 'redis',
    manifest: redisManifest,
    words: ({ miss }) => (miss ? MISS_WORDS : WORDS),
    policy: ({ aim, miss }) => ({ ...aim, extra: { miss, ...(miss && { told: 'miss' }) } }),
    hint: (_params, target) => hintFor(target),
  });
  return {
    ...injector,
    plan: async (request, signal) => {
      aimOf(request);
      return injector.plan(request, signal);
    },
    inject: (record, context) => injector.inject(record, { ...context, request: aimed(context.request) }),
  };
}

const aimed = (request: FaultRequest<RedisParams>): FaultRequest<Aimed> => ({
  ...request,
  params: { ...request.params, aim: aimOf(request) },
});

/** What may be wrong with a target that no command has reached. */
const hintFor = (target: string): string =>
  /^\S+\s+\S+\s+\S/.test(target.trim()) ? '; a target is a command and at most one key, and the rest of it is not read' : '';
