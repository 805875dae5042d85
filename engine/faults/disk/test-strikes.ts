import assert from 'node:assert/strict';
import { faultLife, faultRequest } from '../../../test/support/fault-life.ts';
import { TRACER_ROLE } from '../../host/call-tracer.ts';
import { GUARD_ROLE } from '../../host/file-guard.ts';
import { findHeld } from '../../host/held.ts';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { type Effect, type FaultRequest, type InjectContext } from '../../kernel/fault.ts';
import { diskInjector } from './injector.ts';
import { diskManifest, type DiskParams } from './manifest.ts';
import { type AnyUndo } from './undo.ts';

/** What the tests of calls on files share. */
export const injector = diskInjector({ clock: realClock });

/** Of a fault that strikes files, unless another action is named. */
export const requestFor = (target: string, fields: Record<string, unknown>): FaultRequest<DiskParams> =>
  faultRequest<DiskParams>(diskManifest, { action: 'files', ...fields }, { target, type: 'disk', hold: millis(60_000) });

/** What is told of calls lags behind them by a moment. */
const telling = (samples: number): typeof injector => ({
  ...injector,
  verify: async (undo, context) => {
    for (let rounds = 0; ; rounds++) {
      const effect = await injector.verify(undo, context);
      if (findHeld(GUARD_ROLE, undo.token).length + findHeld(TRACER_ROLE, undo.token).length === 0 || (effect.figures[0]?.samples ?? 0) >= samples) return effect;
      assert.ok(rounds < 500, `${samples} calls are not told: ${effect.detail}`);
      await realClock.sleep(20);
    }
  },
});

/** Waits until a fault says of itself what is expected. */
export async function told(undo: AnyUndo, context: InjectContext<DiskParams, AnyUndo>, expected: RegExp): Promise<void> {
  let detail = '';
  for (let rounds = 0; rounds < 150 && !expected.test(detail); rounds++) {
    ({ detail } = await injector.verify(undo, context));
    await realClock.sleep(100);
  }
  assert.match(detail, expected);
}

/** The whole life of the fault, during which `act` runs; ends when so many calls are told. */
export const struck = (target: string, fields: Record<string, unknown>, samples: number, act: () => Promise<void>): Promise<Effect> =>
  faultLife(telling(samples), requestFor(target, fields), act);
