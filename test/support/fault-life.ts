import assert from 'node:assert/strict';
import { selfIdentity, stateOf } from '../../engine/host/identity.ts';
import { millis } from '../../engine/kernel/brands.ts';
import { type Effect, type FaultManifest, type FaultRequest, type InjectContext, type Injector } from '../../engine/kernel/fault.ts';
import { newFaultId, newRunId } from '../../engine/kernel/random.ts';
import { type WireInjectorDeps } from '../../engine/wire/injector.ts';

/** What an injector on the wire needs of the engine, in this process. */
export const onWire = (wire: WireInjectorDeps['wire']): WireInjectorDeps => ({ wire, owner: selfIdentity(), ownerState: stateOf });

/** A request as a run makes it from a policy of a file. */
export function faultRequest<Params>(
  manifest: Pick<FaultManifest, 'type' | 'params'>, fields: Record<string, unknown>, over: Partial<FaultRequest<Params>>,
): FaultRequest<Params> {
  return {
    run: newRunId(), policy: 'p', type: manifest.type, target: 'all', route: '', routes: [], ignored: [],
    params: manifest.params.parse(fields) as Params, seed: 42, hold: millis(1_000), ...over,
  };
}
export const contextOf = <Params>(request: FaultRequest<Params>): InjectContext<Params, never> => ({
  fault: newFaultId(), request, signal: new AbortController().signal, amend: () => {}, injected: () => {},
});

/** The whole life of one fault: plan, inject, act, verify, revert; twice where twice must do no harm. */
export async function faultLife<Params, Undo>(
  injector: Injector<Params, Undo>, request: FaultRequest<Params>, act: () => Promise<void>,
): Promise<Effect> {
  const context = contextOf(request);
  const [plan] = await injector.plan(request, context.signal);
  assert.ok(plan);
  const record = injector.undo.parse(JSON.parse(JSON.stringify(plan.undo)));
  const print = await injector.fingerprint(record);
  assert.equal((await injector.verify(record, context)).bitten, false, 'nothing is claimed before it was done');
  await injector.inject(record, context);
  await injector.inject(record, context);
  assert.notEqual(await injector.fingerprint(record), print);
  try {
    await act();
    return await injector.verify(record, context);
  } finally {
    await injector.revert(record);
    await injector.revert(record);
    assert.equal(await injector.fingerprint(record), print);
  }
}

export const figureOf = (effect: Effect, name: string) => effect.figures.find((figure) => figure.name === name);
