import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { protocol } from '../contract/models.ts';
import { type EventBus } from './bus.ts';
import { BoundedLabel } from './labels.ts';
import { type EngineEvent, type FaultReport, type Frame } from './models.ts';

/** Different targets, and different routes or experiments, that get a series of their own. */
export const MOST_TARGETS = 200;
const MOST_NAMES = 50;
const MOST_KINDS = 20;

/** The counters of a route: totals since the engine started. `protocol` becomes the label `type` where it is known. */
export type RouteTotals = Frame['routes'][number] & { readonly protocol?: string };

export interface MetricsOptions {
  readonly bus: EventBus;
  /** Read at each scrape, never in between. */
  readonly routes: () => readonly RouteTotals[];
}

/** What Prometheus may scrape, in the text format. Everything is counted from the moment of creation. */
export interface Metrics extends Disposable {
  readonly registry: Registry;
  /** The whole in the Prometheus text format (content type `registry.contentType`). */
  text(): Promise<string>;
  /** One recovery time, in milliseconds; the event log does not carry it, the record of the run does. */
  recovered(ms: number): void;
}

/**
 * Counts what goes over the bus and reads the counters of the routes at each scrape. Faults on the wire are counted by
 * the workers themselves, so they come from the routes; `injected` events count the faults on the machine.
 */
export function createMetrics({ bus, routes }: MetricsOptions): Metrics {
  const registry = new Registry();
  const faults = new FaultTotals(routes);
  const registers = [registry];
  new Counter({
    name: 'chaos_faults_total',
    help: 'Injected faults, by type of fault, target and kind of effect.',
    labelNames: ['type', 'target', 'kind'],
    registers,
    collect() {
      this.reset();
      for (const { labels, total } of faults.all()) this.inc(labels, total);
    },
  });
  const routeNames = new BoundedLabel(MOST_NAMES);
  const perRoute =
    (pick: (route: RouteTotals) => number) =>
    (metric: { inc(labels: { route: string }, by: number): void; reset(): void }) => {
      metric.reset();
      for (const route of routes()) metric.inc({ route: routeNames.of(route.name) }, pick(route));
    };
  const requests = perRoute((route) => route.requests);
  const connections = perRoute((route) => route.active);
  new Counter({
    name: 'chaos_requests_total',
    help: 'Requests that came by, by route.',
    labelNames: ['route'],
    registers,
    collect() {
      requests(this);
    },
  });
  new Gauge({
    name: 'chaos_connections',
    help: 'Open client connections, by route.',
    labelNames: ['route'],
    registers,
    collect() {
      connections(this);
    },
  });
  const status = new Gauge({
    name: 'chaos_experiment_status',
    help: '1 while the experiment runs, 0 afterwards.',
    labelNames: ['experiment'],
    registers,
  });
  const runs = new Counter({
    name: 'chaos_runs_total',
    help: 'Runs that ended, by verdict.',
    labelNames: ['verdict'],
    registers,
  });
  new Gauge({
    name: 'chaos_blast_radius',
    help: 'Targets with a fault in force now, by type of fault.',
    labelNames: ['type'],
    registers,
    collect() {
      for (const [type, targets] of faults.inForce()) this.set({ type }, targets);
    },
  });
  const recovery = new Histogram({
    name: 'chaos_recovery_time_seconds',
    help: 'From revert until the steady state held again.',
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600],
    registers,
  });
  const halt = new Histogram({
    name: 'chaos_halt_latency_seconds',
    help: 'From the call of HALT until nothing was injected any more.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  });

  const experiments = new BoundedLabel(MOST_NAMES);
  const running = new Map<string, string>();
  const see = ({ run, body }: EngineEvent): void => {
    switch (body.kind) {
      case 'run-started':
        running.set(run, experiments.of(body.name));
        status.set({ experiment: experiments.of(body.name) }, 1);
        break;
      case 'run-ended':
        status.set({ experiment: running.get(run) ?? experiments.of('') }, 0);
        running.delete(run);
        runs.inc({ verdict: body.verdict });
        break;
      case 'fault':
        faults.report(body.fault);
        break;
      case 'injected':
        faults.injected(body.fault, body.target, body.detail, body.count);
        break;
      case 'halt':
        halt.observe(body.tookMs / 1_000);
        break;
      default:
        break;
    }
  };
  const subscription = bus.subscribe(see);
  return {
    registry,
    text: () => registry.metrics(),
    recovered: (ms) => recovery.observe(ms / 1_000),
    [Symbol.dispose]: () => {
      subscription[Symbol.dispose]();
      registry.clear();
    },
  };
}

interface FaultTotal {
  readonly labels: { readonly type: string; readonly target: string; readonly kind: string };
  total: number;
}

const WIRE_TYPES: ReadonlySet<string> = new Set(protocol.options);
const IN_FORCE: ReadonlySet<FaultReport['state']> = new Set(['injecting', 'active', 'reverting']);
/** Faults whose type is remembered for their `injected` events; old ones have long ended. */
const MOST_FAULTS = 10_000;

class FaultTotals {
  readonly #routes: () => readonly RouteTotals[];
  readonly #machine = new Map<string, FaultTotal>();
  readonly #types = new Map<string, string>();
  readonly #forced = new Map<string, Set<string>>();
  readonly #targetLabels = new BoundedLabel(MOST_TARGETS);
  readonly #kindLabels = new BoundedLabel(MOST_KINDS);
  readonly #typeLabels = new BoundedLabel(MOST_NAMES);

  constructor(routes: () => readonly RouteTotals[]) {
    this.#routes = routes;
  }

  report({ id, type, state }: FaultReport): void {
    this.#types.set(id, type);
    const [oldest] = this.#types.keys();
    if (this.#types.size > MOST_FAULTS && oldest !== undefined) this.#types.delete(oldest);
    const label = this.#typeLabels.of(type);
    const forced = this.#forced.get(label) ?? new Set();
    this.#forced.set(label, forced);
    if (IN_FORCE.has(state)) forced.add(id);
    else forced.delete(id);
  }

  injected(id: string, target: string, detail: string, count: number): void {
    const type = this.#types.get(id) ?? '';
    // The workers have counted these, each by what it really did.
    if (WIRE_TYPES.has(type)) return;
    this.#add(this.#machine, type, target, kindOf(detail), count);
  }

  /** Targets under fault by type; a type seen once stays, at 0. */
  inForce(): readonly (readonly [string, number])[] {
    return [...this.#forced].map(([type, ids]) => [type, ids.size]);
  }

  all(): readonly FaultTotal[] {
    const wire = new Map<string, FaultTotal>();
    for (const { name, protocol: type = 'wire', latencies, errors, drops } of this.#routes()) {
      for (const [kind, total] of Object.entries({ latency: latencies, error: errors, drop: drops }))
        this.#add(wire, type, name, kind, total);
    }
    return [...this.#machine.values(), ...wire.values()];
  }

  #add(totals: Map<string, FaultTotal>, type: string, target: string, kind: string, count: number): void {
    const labels = {
      type: this.#typeLabels.of(type),
      target: this.#targetLabels.of(target),
      kind: this.#kindLabels.of(kind),
    };
    const key = JSON.stringify(labels);
    const known = totals.get(key);
    if (known === undefined) totals.set(key, { labels, total: count });
    else known.total += count;
  }
}

/** The first word of what an injector says of one fault: `killed process 4711` counts as `killed`. */
const kindOf = (detail: string): string => /^\s*([\p{L}_-]+)/u.exec(detail)?.[1]?.toLowerCase() ?? 'fault';
