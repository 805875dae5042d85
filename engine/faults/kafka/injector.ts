import { type Injector } from '../../kernel/fault.ts';
import { wireInjector, type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { counted, isOfRecords, kafkaManifest, type KafkaParams } from './manifest.ts';

const WORDS = { one: 'request', many: 'requests' };
const RECORDS = { one: 'record', many: 'records', failure: { figure: 'loss rate', done: 'left out' } };

/** Puts the policy into the wire, reads its counters as proof, and takes it out again. */
export function kafkaInjector(deps: WireInjectorDeps): Injector<KafkaParams, WireUndo> {
  return wireInjector<KafkaParams>(deps, {
    protocol: 'kafka',
    manifest: kafkaManifest,
    counted,
    words: (params) => (isOfRecords(params) ? RECORDS : WORDS),
    policy: (params) => ({ scope: isOfRecords(params) ? 'record' : '', ...(params.dropRecords && { extra: { told: 'lost' } }) }),
    hint: (params) => (isOfRecords(params) ? '; records are judged when a consumer reads them through the route' : ''),
  });
}
