import { type Socket } from 'node:net';
import { type EngineApi, type HaltOutcome } from './contract/api.ts';
import { type Capability, type EngineStatus, type HaltedFault, type Route } from './contract/models.ts';
import { rehearse } from './experiment/rehearsal.ts';
import { Runs } from './experiment/runs.ts';
import { type FaultType, manifests } from './faults/manifests.ts';
import { createHandlers } from './handlers.ts';
import { createConnections } from './host/connections.ts';
import { capabilities, environmentFacts } from './host/facts.ts';
import { identity } from './identity.ts';
import { Impacts } from './impact.ts';
import { type RunId } from './kernel/brands.ts';
import { type Clock, realClock } from './kernel/clock.ts';
import { type Injector } from './kernel/fault.ts';
import { type Probe, type ProbeSpec } from './kernel/probe.ts';
import { type HaltOutcome as RemoteOutcome, haltEverywhere, rescueTools } from './lifecycle/halt.ts';
import { createKept } from './kept.ts';
import { openLifecycle, type OpenLifecycleOptions } from './lifecycle/open.ts';
import { createProbe } from './probes/probe.ts';
import { createSeriesClient } from './probes/series.ts';
import { writeReports } from './report/write.ts';
import { createRoomHandlers } from './room.ts';
import { createInjectorsHere } from './rights.ts';
import { Routes } from './routes.ts';
import { marksOf } from './stand-in.ts';
import { StandingProbes } from './standing.ts';
import { openHistory } from './store/history.ts';
import { acquireExperimentLock, readExperimentHolder } from './store/lock.ts';
import { openStandingFile } from './store/standing.ts';
import { eventsAfter, newestOf, trafficOf } from './streams.ts';
import { createBus } from './telemetry/bus.ts';
import { createFrames } from './telemetry/frames.ts';
import { createMetrics, type RouteTotals } from './telemetry/metrics.ts';
import { createTraces } from './telemetry/traces.ts';
import { createCertificateMaker } from './route-tls.ts';
import { TopologyWatch } from './topology-watch.ts';
import { View } from './view.ts';
import { VERSION } from './version.ts';
import { spawnWatchdogFor } from './watchdog-entry.ts';
import { createWire } from './wire/create.ts';
import { type Wire } from './wire/wire.ts';

export { startHelper } from './helper.ts';
export { missingServer, type ServerPlace, type ServerProcess, type ServerSpec, startServer } from './host/server-process.ts';
export { spawnNode } from './host/spawn.ts';
export { VERSION } from './version.ts';

export interface EngineOptions {
  /** Where journal, history and locks live; one per machine and user. */
  readonly stateDir: string;
  /** True for an engine that only looks or helps out: it recovers nothing by itself. */
  readonly observer?: boolean;
  /** Worker threads of the wire; 1 by default. */
  readonly workers?: number;
  /** OTLP/HTTP endpoint for traces; off when absent and OTEL_EXPORTER_OTLP_ENDPOINT is not set. */
  readonly otlpEndpoint?: string;
  readonly clock?: Clock;
  /** For the crash tests: called, synchronously, at each boundary of a fault's life. */
  readonly boundary?: NonNullable<OpenLifecycleOptions['boundary']>;
}

export interface Engine extends AsyncDisposable {
  readonly api: EngineApi;
}

/**
 * Builds an engine: the only place where the rooms are wired together. Recovery of what an earlier, dead engine left
 * runs before it returns, unless it is an observer. Throws FirebreakError when the state directory cannot be used.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { stateDir, clock = realClock, observer = false } = options;
  await using parts = new AsyncDisposableStack();
  const bus = createBus(clock);
  const certificates = createCertificateMaker(stateDir, clock);
  const wire = parts.use(
    createWire({
      tls: certificates.material,
      ...(options.workers === undefined ? {} : { workers: options.workers }),
      onError: (error) => bus.publish('', { kind: 'log', level: 'error', text: error.message }),
    }),
  );
  const { otlpEndpoint: endpoint } = options;
  parts.use(createTraces({ bus, version: VERSION, clock, traffic: (take) => wire.listen(false, take), ...(endpoint === undefined ? {} : { endpoint }) }));
  const metrics = parts.use(createMetrics({ bus, routes: () => routeTotals(wire) }));
  const history = parts.use(openHistory(stateDir, clock));
  for (const text of history.notices) bus.publish('', { kind: 'log', level: 'warn', text });
  const { injectors, line, rootHere } = createInjectorsHere({ wire, clock });
  parts.use(line);
  const life = parts.use(
    await openLifecycle({
      stateDir,
      observer,
      spawnWatchdog: spawnWatchdogFor(stateDir),
      wire,
      injectors,
      facts: manifests,
      bus,
      clock,
      identity,
      ...(options.boundary === undefined ? {} : { boundary: options.boundary }),
    }),
  );
  const { lifecycle, journal, lease } = life;
  const view = parts.use(new View(bus, wire));
  const impacts = parts.use(new Impacts(bus, wire));
  const topology = parts.use(new TopologyWatch({ clock, wire, connections: createConnections(clock) }));
  const onSocket = (socket: Socket): void => topology.probeSocket(socket);
  const routes = new Routes({
    wire,
    changed: () => {
      topology.routesChanged();
      return lease.setRoutes(marksOf(wire.routes()));
    },
    untilHalt: () => lifecycle.untilHalt,
  });
  const vacate = (wanted: readonly Route[]): Promise<void> => lease.release(wanted.map(({ listen }) => listen));
  const probeOf = (spec: ProbeSpec, routes: readonly Route[]): Probe =>
    createProbe(spec, { clock, onSocket, listenOf: (name) => routes.find((route) => route.name === name)?.listen });
  const takePlace = (holder: { readonly run: RunId; readonly name: string }): Disposable =>
    acquireExperimentLock(stateDir, { ...holder, pid: process.pid });
  const kept = createKept({ stateDir, clock, bus, history });
  const runs = parts.use(
    new Runs({
      clock,
      bus,
      lifecycle,
      history,
      openRoutes: async (wanted) => {
        await vacate(wanted);
        return routes.lend(wanted);
      },
      writeReports,
      createProbe: probeOf,
      takePlace,
      recovered: (ms) => metrics.recovered(ms),
      inForce: ({ source: text, file, routes }) => kept.version({ text, file, routes }, 'deployed'),
      faultCounts: () => view.faultCounts(),
      environment: () => ({ ...environmentFacts(), Firebreak: VERSION }),
    }),
  );
  const halt = async (by: string): Promise<HaltOutcome> => {
    const own = await lifecycle.halt(by);
    const all = await haltEverywhere(rescueTools({ stateDir, journal, injectors, identity, clock }), by);
    const others = all.faults.filter(({ id }) => !own.faults.some((fault) => fault.id === id));
    return { tookMs: own.tookMs + (others.length === 0 ? 0 : all.tookMs), faults: [...own.faults, ...others.map(haltedFault)] };
  };
  const startedAt = clock.wall();
  const status = (): EngineStatus => ({
    version: VERSION,
    pid: process.pid,
    startedAt,
    experiment: readExperimentHolder(stateDir),
    halted: lifecycle.halted,
    routes: [...wire.routes()],
    faults: [...lifecycle.reports()],
    open: [...lifecycle.open()],
    damage: [...lifecycle.damage()],
    watchdog: lease.status(),
    sentinel: life.sentinel(),
    events: { oldest: bus.oldestSeq, newest: bus.lastSeq },
  });
  const warn = (text: string): void => void bus.publish('', { kind: 'log', level: 'warn', text });
  const listenOf = (name: string): string | undefined => wire.routes().find((route) => route.name === name)?.listen;
  const standing = parts.use(
    new StandingProbes({
      clock,
      observer,
      file: openStandingFile(stateDir, warn),
      createProbe: (spec) => createProbe(spec, { clock, onSocket, listenOf, live: true }),
      notice: warn,
    }),
  );
  const frames = createFrames(clock, () => ({
    at: clock.wall(),
    halted: lifecycle.halted,
    faults: [...lifecycle.reports()],
    routes: [...wire.routeCounters()],
    standing: standing.readings(),
    impact: impacts.list(),
    ...view.frame(),
  }));
  const openRoutes = async (wanted: readonly Route[]): Promise<readonly Route[]> => {
    await vacate(wanted);
    return routes.keep(wanted);
  };
  const closeRoutes = (names: readonly string[]): Promise<void> => routes.close(names);
  const rehearsal = { clock, lifecycle, halt, openRoutes, closeRoutes, takePlace, underWay: () => runs.busy };
  const series = parts.use(createSeriesClient(clock));
  const api = createHandlers({
    lifecycle,
    runs,
    history,
    status,
    halt,
    writeReports,
    authority: certificates.authority,
    capabilities: async () => {
      const root = await rootHere();
      return [...faultCapabilities(injectors, root.none), ...(await capabilities(root))];
    },
    endStandIns: () => lease.release([]),
    describeProbe: (spec, routes) => probeOf(spec, routes).describe(),
    metrics: () => metrics.text(),
    openRoutes,
    closeRoutes,
    events: (since, signal) => eventsAfter(bus, since, signal),
    frames: (signal) => newestOf(frames, signal),
    room: createRoomHandlers({
      stopFault: async ({ fault, why }) => ({ stopped: await lifecycle.stopFault(fault, why) }),
      kept,
      series,
      rehearse: (signal) => rehearse(rehearsal, signal),
      standing: standing.handlers,
      topology: (_input, signal) => newestOf(topology, signal),
      traffic: ({ passing }, signal) => trafficOf(wire, passing, signal),
    }),
    kept,
  });
  if (!observer) await lifecycle.recover();
  const all = parts.move();
  return { api, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Which faults this user can inject on this machine. @param noRoot why nothing that needs root can be done, or ''. */
function faultCapabilities(injectors: Readonly<Record<string, Injector>>, noRoot: string): Capability[] {
  return Object.entries(injectors).map(([type, injector]) => {
    const why = injector.unavailable();
    const { needsRoot, privileges } = manifests[type as FaultType];
    const detail = why === '' && noRoot !== '' && needsRoot !== undefined ? `it takes ${privileges.join('; ')}; ${noRoot}` : why;
    return { name: `fault ${type}`, available: why === '', detail };
  });
}

/** The counters of the wire, each with the protocol of its route. */
function routeTotals(wire: Wire): RouteTotals[] {
  const protocols = new Map(wire.routes().map(({ name, protocol }) => [name, protocol]));
  return wire.routeCounters().map((counters) => {
    const protocol = protocols.get(counters.name);
    return protocol === undefined ? counters : { ...counters, protocol };
  });
}

function haltedFault({ outcome, ...fault }: RemoteOutcome): HaltedFault {
  const reverted = outcome === 'reverted';
  return { ...fault, state: reverted ? 'clean' : 'unconfirmed', reverted };
}
