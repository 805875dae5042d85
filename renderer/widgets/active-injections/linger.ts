import { type FaultReport } from '../../../engine/contract/models.ts';

/** Which faults are listed: those that are not clean, and for a while those that have become so. Pure. */

export interface Listed {
  readonly fault: FaultReport;
  /** When it was first seen clean, by the clock of the frames; null before. */
  readonly endedAt: number | null;
}

/** How long a fault stays listed after its end, milliseconds: long enough for a room to see it. */
export const LINGER = 6_000;

/**
 * The list after a frame. A fault that a frame no longer tells is clean only if its last word was; without a last word
 * nothing is claimed and it goes.
 * @param told the last event of each fault, by its id.
 */
export function linger(
  before: readonly Listed[],
  faults: readonly FaultReport[],
  told: ReadonlyMap<string, FaultReport>,
  at: number,
): readonly Listed[] {
  const now = new Map(faults.map((fault) => [fault.id, fault]));
  const kept = before.flatMap(({ fault: last, endedAt }): Listed[] => {
    const fault = now.get(last.id) ?? told.get(last.id);
    now.delete(last.id);
    if (fault === undefined) return [];
    if (fault.state !== 'clean') return [{ fault, endedAt: null }];
    const ended = endedAt ?? at;
    // A clock that was set back must not keep it for hours.
    return at - ended < LINGER && at >= ended ? [{ fault, endedAt: ended }] : [];
  });
  const added = [...now.values()]
    .filter(({ state }) => state !== 'clean')
    .map((fault): Listed => ({ fault, endedAt: null }));
  return [...kept, ...added];
}

/** When the hold ends, wall-clock ms: by itself, or with the observation of its run; null when nobody knows. */
export function endOf({ endsAt }: FaultReport, phase: string | null, phaseEndsAt: number | null): number | null {
  const own = endsAt ?? null;
  if (phase !== 'observe' || phaseEndsAt === null) return own;
  return own === null ? phaseEndsAt : Math.min(own, phaseEndsAt);
}
