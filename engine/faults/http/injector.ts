import { type Injector } from '../../kernel/fault.ts';
import { wireInjector, type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { httpManifest, type HttpParams } from './manifest.ts';

const WORDS = { one: 'request', many: 'requests' };

/** Puts the policy into the wire, reads its counters as proof, and takes it out again. */
export function httpInjector(deps: WireInjectorDeps): Injector<HttpParams, WireUndo> {
  return wireInjector<HttpParams>(deps, {
    protocol: 'http',
    manifest: httpManifest,
    words: () => WORDS,
    throttle: ({ throttleRate }) => throttleRate,
    hint: (_params, target) =>
      /^(\/|all$|\*$|$)/i.test(target.trim()) ? '' : '; the target does not begin with /, so no path can match it',
  });
}
