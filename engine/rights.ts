import { manifestOf } from './contract/fault-types.ts';
import { createInjectors, type InjectorDeps } from './faults/injectors.ts';
import { HelperLine, throughHelper } from './helper/line.ts';
import { type RootHere } from './host/facts.ts';
import { type Clock } from './kernel/clock.ts';
import { type Injector } from './kernel/fault.ts';

/** Where the helper of a user listens, unless FIREBREAK_HELPER says otherwise. */
export const helperAddress = (uid: number): string => process.env['FIREBREAK_HELPER'] ?? `/run/firebreak/${uid}.sock`;

/** What faults are done with here. */
export interface InjectorsHere {
  readonly injectors: Record<string, Injector>;
  /** To the helper; it is opened when it is first needed. */
  readonly line: Disposable;
  /** Who does what needs root: asked now. */
  rootHere(): Promise<RootHere>;
}

/** Every injector of this process: without root, what needs it is done by the helper. */
export function createInjectorsHere(deps: InjectorDeps & { readonly clock: Clock }): InjectorsHere {
  const uid = process.geteuid?.();
  const line = new HelperLine(helperAddress(uid ?? 0), deps.clock);
  const own = createInjectors(deps);
  // As root nobody else is needed, unless a helper is named.
  if (uid === undefined || (uid === 0 && process.env['FIREBREAK_HELPER'] === undefined)) return { injectors: own, line, rootHere: async () => ({ none: '', helper: null }) };
  const injectors = Object.fromEntries(
    Object.entries(own).map(([type, injector]) => {
      const manifest = manifestOf(type);
      return [type, manifest?.needsRoot === undefined ? injector : throughHelper(injector, manifest, line)];
    }),
  );
  return { injectors, line, rootHere: () => line.rootHere() };
}
