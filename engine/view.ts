import { type EngineEvent, type Frame } from './contract/models.ts';
import { type EventBus } from './telemetry/bus.ts';
import { type Wire } from './wire/wire.ts';

/** What frames and charts need to know of the past, folded from the event log as it goes by. */
export class View implements Disposable {
  #run = '';
  #phase: Frame['phase'] = null;
  #phaseEndsAt: number | null = null;
  #probes: Frame['probes'] = {};
  readonly #injected = new Map<string, number>();
  readonly #wire: Pick<Wire, 'routeCounters'>;
  readonly #subscription: Disposable;

  constructor(bus: EventBus, wire: Pick<Wire, 'routeCounters'>) {
    this.#wire = wire;
    this.#subscription = bus.subscribe((event) => this.#see(event));
  }

  /** The part of a frame that only the past tells. */
  frame(): Pick<Frame, 'run' | 'phase' | 'phaseEndsAt' | 'probes'> {
    return { run: this.#run, phase: this.#phase, phaseEndsAt: this.#phaseEndsAt, probes: this.#probes };
  }

  /** Injected faults so far: those of the wire by route, those of the machine by target. Rising only. */
  faultCounts(): Record<string, number> {
    const wire = this.#wire.routeCounters().filter(({ faults }) => faults > 0);
    return { ...Object.fromEntries(this.#injected), ...Object.fromEntries(wire.map(({ name, faults }) => [name, faults])) };
  }

  #see({ run, body }: EngineEvent): void {
    switch (body.kind) {
      case 'run-started':
        [this.#run, this.#probes] = [run, {}];
        break;
      case 'phase':
        this.#phase = body.edge === 'start' ? body.name : null;
        this.#phaseEndsAt = body.until;
        break;
      case 'sample':
        this.#probes = { ...this.#probes, [body.sample.probe]: body.sample };
        break;
      case 'injected':
        this.#injected.set(body.target, (this.#injected.get(body.target) ?? 0) + body.count);
        break;
      case 'run-ended':
        // Their probes ask no more: what they said last is not how things are.
        [this.#run, this.#phase, this.#probes] = ['', null, {}];
        break;
      default:
        break;
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}
