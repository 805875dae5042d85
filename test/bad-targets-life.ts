import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createInjectors } from '../engine/faults/injectors.ts';
import { manifests } from '../engine/faults/manifests.ts';
import { identity } from '../engine/identity.ts';
import { millis } from '../engine/kernel/brands.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { messageOf } from '../engine/kernel/errors.ts';
import { type FaultManifest } from '../engine/kernel/fault.ts';
import { createLifecycle, type FaultSet } from '../engine/lifecycle/lifecycle.ts';
import { forever, temporary } from '../engine/lifecycle/test-parts.ts';
import { undoFromJournal } from '../engine/lifecycle/undo.ts';
import { openJournal } from '../engine/store/journal.ts';
import { createBus } from '../engine/telemetry/bus.ts';
import { type FaultReport } from '../engine/telemetry/models.ts';
import { faultRequest } from './support/fault-life.ts';

/** A policy as the tests of bad targets write it. */
export interface Wanted {
  readonly type: keyof typeof manifests;
  readonly target: string;
  readonly fields: Record<string, unknown>;
}

/** What came of a fault whose target is not what it was. */
export interface Ended {
  /** In the name of everything that the fault makes. */
  readonly token: string;
  /** Everything that was said: why it was refused, what was measured last, what its report notes. */
  readonly words: string;
  readonly states: readonly FaultReport['state'][];
  readonly bitten: boolean;
  /** Records that are still open. */
  readonly open: number;
}

/** What happens to the target. */
export interface Happening {
  readonly before?: () => Promise<void>;
  readonly during?: () => Promise<void>;
  /** What is to be said of it while it holds, for which the next measurement is waited; else the last one has to say it. */
  readonly says?: RegExp;
}

/** Who undoes it: the engine that holds it, or another process, which has the journal and nothing else. */
export type By = 'its engine' | 'another process';

/** How long a fault whose target has gone is given to show an effect all the same, in milliseconds. */
const TO_BITE = 400;
/** How long a revert may take, in milliseconds; less for what nobody will bring back: the rest would only be waiting. */
const REVERT_WITHIN = 10_000;
const HOPELESS = 300;
/** Measured each second, on a machine that has much to do; milliseconds. */
const MEASURED = 5_000;

/**
 * The life of one fault, by the real lifecycle, journal and injectors, in which something happens to its target: `before` between plan and
 * injection, `during` while it is held.
 */
export async function livesThrough(wanted: Wanted, happens: Happening, by: By = 'its engine', forGood = false): Promise<Ended> {
  const revertDeadline = forGood ? HOPELESS : REVERT_WITHIN;
  using dir = temporary();
  const clock = realClock;
  using journal = openJournal(join(dir.path, 'state'), clock);
  const wire = { halted: false, halt: () => {}, resume: () => {} };
  const injectors = createInjectors({ wire: null, clock });
  const manifest = manifests[wanted.type] as unknown as FaultManifest;
  const parts = { injectors, facts: manifests, journal, bus: createBus(clock), clock, identity, wire, revertDeadline };
  await using lifecycle = createLifecycle(parts);
  const request = faultRequest<Record<string, unknown>>(manifest, wanted.fields, { target: wanted.target, hold: millis(60_000) });
  const planned = await lifecycle.plan([request], forever);
  assert.deepEqual(planned.map(({ unavailable, targets }) => [unavailable, targets.length > 0]), [['', true]], 'the target was there when it was planned');
  const token = String((planned[0]?.targets[0]?.undo as { readonly token?: unknown }).token);
  await happens.before?.();
  let set: FaultSet;
  try {
    set = await lifecycle.start(planned, request.hold, forever);
  } catch (error) {
    return { token, words: messageOf(error), states: lifecycle.reports().map(({ state }) => state), bitten: false, open: journal.open().length };
  }
  if (happens.before !== undefined) await set.verified(millis(TO_BITE));
  // What is being measured now was begun before.
  if (happens.during !== undefined) while (set.reports().some(({ effect }) => effect.detail === 'not measured yet')) await clock.sleep(5);
  await happens.during?.();
  const { says } = happens;
  if (says !== undefined) for (const end = clock.now() + MEASURED; clock.now() < end && !set.reports().some(({ effect }) => says.test(effect.detail)); ) await clock.sleep(20);
  const others: string[] = [];
  if (by === 'another process') {
    const tools = { injectors: createInjectors({ wire: null, clock }), journal, clock, revertDeadline, boundary: () => {} };
    for (const { fault } of journal.open()) others.push((await undoFromJournal(tools, fault, 'the test')).note);
  }
  const open = journal.open().length;
  const reports = await set.revert('the test');
  return {
    token,
    words: [...others, ...reports.flatMap(({ effect, note }) => [effect.detail, note])].filter(Boolean).join(' | '),
    states: reports.map(({ state }) => state),
    bitten: reports.every(({ effect }) => effect.bitten),
    open: by === 'another process' ? open : journal.open().length,
  };
}
