import { type EngineEvent, type HaltedFault } from '../engine/contract/models.ts';

export interface Note {
  readonly title: string;
  readonly body: string;
  /** Stays until it is dismissed. */
  readonly urgent: boolean;
}

/** What an event is worth telling somebody who does not look at the window; undefined for most. */
export function noteOf({ body }: Pick<EngineEvent, 'body'>): Note | undefined {
  switch (body.kind) {
    case 'run-ended':
      if (body.verdict !== 'aborted' && body.verdict !== 'failed') return undefined;
      return {
        title: body.verdict === 'aborted' ? 'The experiment was aborted' : 'The experiment failed',
        body: `${body.reason} ${body.reverted ? 'Everything is reverted.' : 'Not everything is confirmed clean.'}`,
        urgent: !body.reverted,
      };
    case 'halt':
      return {
        title: 'HALT',
        body: `By ${body.by}, after ${Math.round(body.tookMs)} ms: ${proven(body.faults)}`,
        urgent: body.faults?.some(({ reverted }) => !reverted) === true,
      };
    case 'fault':
      if (body.fault.state !== 'unconfirmed') return undefined;
      return {
        title: 'A fault is unconfirmed',
        body: `${body.fault.policy} on ${body.fault.target} could not be verified clean. ${body.fault.note}`,
        urgent: true,
      };
    default:
      return undefined;
  }
}

/** Nothing is called clean that was not told. */
function proven(faults: readonly HaltedFault[] | undefined): string {
  if (faults === undefined) return 'the room shows what became of each target.';
  if (faults.length === 0) return 'nothing was injected.';
  const unproven = faults.filter(({ reverted }) => !reverted).length;
  if (unproven > 0) return `${unproven} of ${faults.length} targets could not be proven clean.`;
  return faults.length === 1 ? '1 target, clean.' : `${faults.length} targets, all clean.`;
}
