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

/** What is waited for, and the part that says so. */
interface Slowest {
  readonly unit: Unit;
  readonly verdict: Delay;
}

/** What is to be done to a request or an answer, from the verdicts on its parts. */
export interface Sentence {
  /** The connection is cut: the first that said so. */
  readonly drop: { readonly unit: Unit; readonly verdict: Drop } | undefined;
  /** The longest of all delays: the parts travel together. */
  readonly delay: Slowest | undefined;
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
  const delays = new Delays();
  let drop: Sentence['drop'];
  let parts = 0;
  let thinned = false;
  let notUnderstood = '';
  const requests = effects.gateScope('kafka', route.name, '');
  let first: Unit | undefined;
  for (const unit of units) {
    parts++;
    first ??= unit;
    subject.part(unit.topic, unit.partition, unit.records);
    const verdict = requests ? effects.judgeText('kafka', route.name, unit.topic, subject) : undefined;
    if (verdict?.act === 'drop') drop ??= { unit, verdict };
    else if (verdict?.act === 'fail') failures.push({ unit, verdict });
    else {
      if (verdict !== undefined) delays.add(unit, verdict);
      if (!records || unit.records === undefined || unit.records.length === 0) continue;
      if (!effects.aimedAt('kafka', route.name, unit.topic, RECORD)) continue;
      const judged = judgeRecords(route, subject, unit, unit.records, delays);
      thinned ||= judged.thinned;
      if (judged.notUnderstood !== '') notUnderstood = judged.notUnderstood;
    }
  }
  return { drop, delay: delays.slowest, failures, parts, first, thinned, notUnderstood };
}

/** The delays of what travels together: the longest is waited for, and it counts for each that its policies meant to delay. */
class Delays {
  #longest: Slowest | undefined;
  #waiting: Map<number, number> | undefined;

  add(unit: Unit, verdict: Delay): void {
    const waiting = (this.#waiting ??= new Map());
    for (const { slot } of verdict.parts) waiting.set(slot, (waiting.get(slot) ?? 0) + 1);
    if (verdict.total > (this.#longest?.verdict.total ?? 0)) this.#longest = { unit, verdict };
  }
  get slowest(): Slowest | undefined {
    if (this.#longest === undefined) return undefined;
    const { unit, verdict } = this.#longest;
    return { unit, verdict: { ...verdict, parts: verdict.parts.map((part) => ({ ...part, messages: this.#waiting?.get(part.slot) ?? 1 })) } };
  }
}

/**
 * Judges each record by its offset, so that a record which is read again meets the same fate. What is left out leaves a gap in the
 * offsets, as compaction does; what is delayed delays its whole answer, so that the order stays.
 */
function judgeRecords(
  { effects, acts, name }: OpenRoute, subject: KafkaSubject, unit: Unit, records: Buffer, delays: Delays,
): { thinned: boolean; notUnderstood: string } {
  const { bytes, notUnderstood } = withoutRecords(records, (record) => {
    subject.record = record;
    const verdict = effects.judgeText('kafka', name, unit.topic, subject, RECORD, record.offset);
    if (verdict === undefined) return false;
    if (verdict.act === 'delay') delays.add(unit, verdict);
    else if (verdict.act === 'fail') acts.failed(verdict, subject);
    return verdict.act === 'fail';
  });
  subject.record = undefined;
  if (bytes !== records) unit.struct['records'] = bytes;
  return { thinned: bytes !== records, notUnderstood };
}
