import { EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FaultRequest, type TargetPlan } from '../kernel/fault.ts';
import { stableJson } from '../kernel/hash.ts';
import { type UndoRecord } from '../store/journal-record.ts';
import { type FaultFacts, type PlannedFault, type Workshop } from './models.ts';

/**
 * Step 1 of a fault's life, plan: read-only. A fault this machine cannot run is planned without targets, with the
 * reason. Throws FirebreakError when a request is unsafe, whoever finds it so.
 */
export async function planAll(
  shop: Workshop,
  requests: readonly FaultRequest[],
  signal: AbortSignal,
): Promise<PlannedFault[]> {
  const planned: PlannedFault[] = [];
  for (const request of requests) {
    signal.throwIfAborted();
    const injector = shop.injectors[request.type];
    const facts = shop.facts[request.type];
    if (injector === undefined || facts === undefined) throw unknownType(request, shop);
    const explain = facts.explain(request.params, request.target);
    const unavailable = platformProblem(facts) || injector.unavailable(request.params);
    const targets = unavailable === '' ? await injector.plan(request, signal) : [];
    planned.push({ request, explain, unavailable, targets });
  }
  refuseCollisions(planned, []);
  return planned;
}

/** Step 2, guard: refuses, before anything is written or changed, what must not or cannot be started. */
export function guard(planned: readonly PlannedFault[], open: readonly UndoRecord[]): void {
  for (const { request, unavailable } of planned) {
    if (unavailable === '') continue;
    throw new FirebreakError(
      'fault-unavailable',
      `${request.policy} (${request.type}) cannot run on this machine: ${unavailable}`,
      {
        hint: '`firebreak doctor` lists what this machine can do. Nothing was injected.',
        exitCode: EXIT.usage,
      },
    );
  }
  refuseCollisions(planned, open);
}

/**
 * Two faults of one type on the very same target would undo each other: the second finds the first one's work as its
 * "state before". Faults still open in the journal count as well, whichever process holds them.
 */
function refuseCollisions(planned: readonly PlannedFault[], open: readonly UndoRecord[]): void {
  const taken = new Map(
    open.flatMap((record) =>
      placesOf(record.type, record).map((place) => [place, `${record.policy} (run ${record.run}, still open)`]),
    ),
  );
  for (const { request, targets } of planned) {
    for (const target of targets) {
      const places = placesOf(request.type, target);
      const other = places.map((place) => taken.get(place)).find((one) => one !== undefined);
      if (other !== undefined) {
        throw new FirebreakError('collision', `${request.policy} and ${other} would do the same to ${target.target}`, {
          hint: 'Remove one of them, or wait until the other has ended; `firebreak recover` clears what was left open.',
          exitCode: EXIT.usage,
        });
      }
      for (const place of places) taken.set(place, request.policy);
    }
  }
}

function placesOf(type: string, { takes, target, undo }: Pick<UndoRecord, 'takes' | 'target' | 'undo'> | Pick<TargetPlan, 'takes' | 'target' | 'undo'>): readonly string[] {
  return takes?.map((one) => stableJson([type, one])) ?? [stableJson([type, target, undo])];
}

function platformProblem(facts: FaultFacts): string {
  return facts.platforms.includes(process.platform)
    ? ''
    : `it needs ${facts.platforms.join(' or ')}, this is ${process.platform}`;
}

function unknownType(request: FaultRequest, shop: Workshop): FirebreakError {
  return new FirebreakError('unknown-fault', `${request.policy}: unknown fault type ${request.type}`, {
    hint: `Known types: ${Object.keys(shop.injectors).join(', ')}.`,
    exitCode: EXIT.usage,
  });
}

/** For errors of a whole set: what failed and why, in one line. */
export function startFailure(policy: string, error: unknown): FirebreakError {
  if (error instanceof FirebreakError) return error;
  return new FirebreakError('inject-failed', `${policy} could not be injected: ${messageOf(error)}`, {
    hint: 'Everything injected before it was reverted.',
    cause: error,
  });
}
