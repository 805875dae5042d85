import { type EngineEvent, type FaultReport, type Impact } from './contract/models.ts';
import { type EventBus } from './telemetry/bus.ts';
import { type PolicyCounters, type Wire } from './wire/wire.ts';

type Counts = Pick<Impact, 'matched' | 'errors' | 'latencies' | 'drops' | 'throttled'>;

/** One target under one policy. */
interface Row {
  readonly target: string;
  readonly policy: string;
  readonly type: string;
  /** What its faults did that are proven clean. */
  ended: Counts;
  others: number;
  /** Its faults that have begun and are not proven clean, by id. */
  readonly live: Set<string>;
}

/** Rows of a frame, as the contract says. */
const SHOWN = 256;
/** Rows kept: one that comes back after a while goes on where it was. */
const KEPT = 1_024;
const NOTHING: Counts = { matched: 0, errors: 0, latencies: 0, drops: 0, throttled: 0 };

/**
 * What faults did to each target since the engine started: those of the wire as its counters say, those of the machine
 * as they were reported. A fault that is not proven clean still counts as being on its target.
 */
export class Impacts implements Disposable {
  /** The one whose newest fault began last stands last. */
  readonly #rows = new Map<string, Row>();
  readonly #wire: Pick<Wire, 'faultCounters'>;
  readonly #subscription: Disposable;

  constructor(bus: EventBus, wire: Pick<Wire, 'faultCounters'>) {
    this.#wire = wire;
    this.#subscription = bus.subscribe((event) => this.#see(event));
  }

  /** The newest 256, in the order in which their newest fault began. */
  list(): Impact[] {
    return [...this.#rows.values()].slice(-SHOWN).map(({ target, policy, type, ended, others, live }) => {
      const counts = [...live].reduce((sum, fault) => plus(sum, this.#wire.faultCounters(fault)), ended);
      return { target, policy, type, active: live.size > 0, ...counts, others };
    });
  }

  #see({ body }: EngineEvent): void {
    if (body.kind === 'fault') this.#follow(body.fault);
    else if (body.kind === 'injected') {
      const row = this.#rows.get(keyOf(body));
      if (row !== undefined) row.others += body.count;
    }
  }

  #follow(fault: FaultReport): void {
    const key = keyOf(fault);
    const row = this.#rows.get(key);
    if (fault.state === 'injecting') this.#begin(key, row, fault);
    else if (fault.state === 'clean' && row?.live.delete(fault.id) === true) {
      // The wire keeps the counters of what was removed for a while only.
      row.ended = plus(row.ended, this.#wire.faultCounters(fault.id));
    }
  }

  #begin(key: string, known: Row | undefined, { id, target, policy, type }: FaultReport): void {
    const row = known ?? { target, policy, type, ended: NOTHING, others: 0, live: new Set() };
    row.live.add(id);
    this.#rows.delete(key);
    this.#rows.set(key, row);
    if (this.#rows.size <= KEPT) return;
    const [oldest] = [...this.#rows].find(([, { live }]) => live.size === 0) ?? [];
    if (oldest !== undefined) this.#rows.delete(oldest);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}

const keyOf = ({ policy, target }: { readonly policy: string; readonly target: string }): string => JSON.stringify([policy, target]);

/** Undefined: a fault that is not of the wire. */
function plus(sum: Counts, more: PolicyCounters | undefined): Counts {
  if (more === undefined) return sum;
  return {
    matched: sum.matched + more.matched,
    errors: sum.errors + more.errors,
    latencies: sum.latencies + more.latencies,
    drops: sum.drops + more.drops,
    throttled: sum.throttled + more.throttled,
  };
}
