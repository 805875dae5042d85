import { type FaultRequest, type InjectContext, type Injector } from '../../kernel/fault.ts';
import { wireInjector, type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { grpcManifest, type GrpcParams, unitOf, withChance } from './manifest.ts';

const CALLS = { one: 'call', many: 'calls' };
const MESSAGES = { one: 'message', many: 'messages', failure: { figure: 'error rate', done: 'met with an error' } };
const LOST = { one: 'message', many: 'messages', failure: { figure: 'loss rate', done: 'left out' } };

/** Puts the policy into the wire, reads its counters as proof, and takes it out again. */
export function grpcInjector(deps: WireInjectorDeps): Injector<GrpcParams, WireUndo> {
  const injector = wireInjector<GrpcParams>(deps, {
    protocol: 'grpc',
    manifest: grpcManifest,
    words: (params) => (params.dropMessage ? LOST : unitOf(params) === 'call' ? CALLS : MESSAGES),
    policy: (params, target) => ({ target: slashed(target), scope: scopeOf(params), extra: { dropMessage: params.dropMessage, ...(params.dropMessage && { told: 'lost' }) } }),
    hint: (_params, target) => (/^\/?[^/\s]+\/[^/\s]+$|^\/?\*$|^all$|^$/i.test(target.trim()) ? '' : '; a target is /package.Service/Method or /package.Service/*'),
  });
  const meant = (request: FaultRequest<GrpcParams>): FaultRequest<GrpcParams> => ({ ...request, params: withChance(request.params) });
  const within = (context: InjectContext<GrpcParams, WireUndo>) => ({ ...context, request: meant(context.request) });
  return {
    ...injector,
    plan: (request, signal) => injector.plan(meant(request), signal),
    inject: (record, context) => injector.inject(record, within(context)),
    verify: (record, context) => injector.verify(record, within(context)),
  };
}

/** The path of a call begins with a slash; people leave it out. */
function slashed(target: string): string {
  const text = target.trim();
  return text === '' || text.startsWith('/') || text === '*' || text.toLowerCase() === 'all' ? text : `/${text}`;
}

/** As engine/wire/grpc/judging.ts asks for it: what is judged, and in which direction. */
function scopeOf(params: GrpcParams): string {
  const unit = unitOf(params);
  if (unit === 'call') return '';
  return params.direction === 'both' ? unit : `${unit}:${params.direction}`;
}
