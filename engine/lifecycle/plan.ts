import { EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FaultRequest, readShared, type TargetPlan } from '../kernel/fault.ts';
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
    const targets = unavailable === '' ? await injector.plan(request, signal).catch((error: unknown) => refuse(request.policy, error, signal)) : [];
    planned.push({ request, explain, unavailable, targets });
  }
  refuseCollisions(planned, []);
  return planned;
}

/** Says which policy it was that its injector found unsafe, or without a target that it could name. */
function refuse(policy: string, error: unknown, signal: AbortSignal): never {
  if (!(error instanceof FirebreakError) || signal.aborted || error.code === 'bug' || error.code.startsWith('helper')) throw error;
  const { code, message, hint, exitCode, issues } = error;
  const named = message.startsWith(`${policy} `) || message.includes(`policy ${policy} `);
  throw new FirebreakError(code, named ? message : `${policy}: ${message}`, { hint, exitCode: exitCode === EXIT.failure ? EXIT.usage : exitCode, issues, cause: error });
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

/** One thing that a fault takes; see TargetPlan.takes. */
interface Claim {
  readonly key: string;
  /** '' where nobody else may have it at all. */
  readonly as: string;
  /** How it is called in an error. */
  readonly what: string;
}

/**
 * Two faults that take the same would undo each other: the second finds the first one's work as its "state before", or takes
 * away what the first relies on. Faults still open in the journal count as well, whichever process holds them.
 */
function refuseCollisions(planned: readonly PlannedFault[], open: readonly UndoRecord[]): void {
  const taken = new Map(
    open.flatMap((record) =>
      claimsOf(record.type, record).map(({ key, as }) => [key, { as, by: `${record.policy} (run ${record.run}, still open)` }]),
    ),
  );
  for (const { request, targets } of planned) {
    for (const target of targets) {
      const claims = claimsOf(request.type, target);
      for (const { key, as, what } of claims) {
        const other = taken.get(key);
        if (other === undefined || (as !== '' && as === other.as)) continue;
        throw new FirebreakError('collision', `${request.policy} and ${other.by} would ${what}`, {
          hint: 'Remove one of them, or wait until the other has ended; `firebreak recover` clears what was left open.',
          exitCode: EXIT.usage,
        });
      }
      for (const { key, as } of claims) taken.set(key, { as, by: request.policy });
    }
  }
}

function claimsOf(type: string, { takes, target, undo }: Pick<UndoRecord, 'takes' | 'target' | 'undo'> | Pick<TargetPlan, 'takes' | 'target' | 'undo'>): readonly Claim[] {
  const same = `do the same to ${target}`;
  if (takes === undefined) return [{ key: stableJson([type, target, undo]), as: '', what: same }];
  return takes.map((one) => {
    if (one.startsWith('/')) return { key: one, as: '', what: `both change ${one}` };
    const { what, as } = readShared(one) ?? { what: one, as: '' };
    return { key: stableJson([type, what]), as, what: as === '' ? same : `each have ${what} in its own way` };
  });
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
