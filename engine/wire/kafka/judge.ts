import type { Verdict } from '../effects.ts';
import type { OpenRoute } from '../open-route.ts';
import type { KafkaSubject } from './subject.ts';
import type { Unit } from './units.ts';
import { withoutRecords } from './records.ts';

/** The scope of policies that act on single records; see WirePolicy. */
export const RECORD = 'record';

type Fail = Extract<Verdict, { act: 'fail' }>;
type Delay = Extract<Verdict, { act: 'delay' }>;
type Drop = Extract<Verdict, { act: 'drop' }>;

/** One part that fails. */
export interface Failure {
  readonly unit: Unit;
  readonly verdict: Fail;
}

/** What is to be done to a request or an answer, from the verdicts on its parts. */
export interface Sentence {
  /** The connection is cut: the first that said so. */
  readonly drop: { readonly unit: Unit; readonly verdict: Drop } | undefined;
  /** The longest of all delays: the parts travel together. */
  readonly delay: { readonly unit: Unit; readonly verdict: Delay } | undefined;
  readonly failures: readonly Failure[];
  /** How many parts there were, and the first of them. */
  readonly parts: number;
  readonly first: Unit | undefined;
  /** A part has lost records. */
  readonly thinned: boolean;
  /** Records that could not be judged, and why. */
  readonly notUnderstood: string;
}

/** Judges the parts of a message one by one, and where `records` is set also each record that a part carries. */
export function judgeUnits(route: OpenRoute, subject: KafkaSubject, units: Iterable<Unit>, records: boolean): Sentence {
  const { effects } = route;
  const failures: Failure[] = [];
  let [drop, delay]: [Sentence['drop'], Sentence['delay']] = [undefined, undefined];
  let parts = 0;
  let thinned = false;
  let notUnderstood = '';
  const requests = effects.gateScope('kafka', '');
  let first: Unit | undefined;
  for (const unit of units) {
    parts++;
    first ??= unit;
    subject.part(unit.topic, unit.partition, unit.records);
    const verdict = requests ? effects.judgeText('kafka', route.name, unit.topic, subject) : undefined;
    if (verdict?.act === 'drop') drop ??= { unit, verdict };
    else if (verdict?.act === 'fail') failures.push({ unit, verdict });
    else {
      if (verdict !== undefined && verdict.total > (delay?.verdict.total ?? 0)) delay = { unit, verdict };
      if (!records || unit.records === undefined || unit.records.length === 0) continue;
      if (!effects.aimedAt('kafka', route.name, unit.topic, RECORD)) continue;
      const judged = judgeRecords(route, subject, unit, unit.records);
      if (judged.delay !== undefined && judged.delay.total > (delay?.verdict.total ?? 0)) delay = { unit, verdict: judged.delay };
      thinned ||= judged.thinned;
      if (judged.notUnderstood !== '') notUnderstood = judged.notUnderstood;
    }
  }
  return { drop, delay, failures, parts, first, thinned, notUnderstood };
}

/**
 * Judges each record by its offset, so that a record which is read again meets the same fate. What is left out leaves a gap in the
 * offsets, as compaction does; what is delayed delays its whole answer, so that the order stays.
 */
function judgeRecords(
  { effects, acts, name }: OpenRoute, subject: KafkaSubject, unit: Unit, records: Buffer,
): { delay: Delay | undefined; thinned: boolean; notUnderstood: string } {
  let delay: Delay | undefined;
  const { bytes, notUnderstood } = withoutRecords(records, (record) => {
    subject.record = record;
    const verdict = effects.judgeText('kafka', name, unit.topic, subject, RECORD, record.offset);
    if (verdict === undefined) return false;
    if (verdict.act === 'delay') {
      if (verdict.total > (delay?.total ?? 0)) delay = verdict;
      return false;
    }
    if (verdict.act === 'fail') acts.failed(verdict, subject);
    return verdict.act === 'fail';
  });
  subject.record = undefined;
  if (bytes !== records) unit.struct['records'] = bytes;
  return { delay, thinned: bytes !== records, notUnderstood };
}
