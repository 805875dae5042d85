import { type Clock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { type Injector } from '../kernel/fault.ts';
import { selfIdentity, stateOf } from '../host/identity.ts';
import { type WireInjectorDeps } from '../wire/injector.ts';
import { containerInjector } from './container/injector.ts';
import { databaseInjector } from './database/injector.ts';
import { diskInjector } from './disk/injector.ts';
import { dnsInjector } from './dns/injector.ts';
import { grpcInjector } from './grpc/injector.ts';
import { httpInjector } from './http/injector.ts';
import { kafkaInjector } from './kafka/injector.ts';
import { kernelInjector } from './kernel/injector.ts';
import { type FaultType } from './manifests.ts';
import { mongoInjector } from './mongo/injector.ts';
import { networkInjector } from './network/injector.ts';
import { processInjector } from './process/injector.ts';
import { rabbitmqInjector } from './rabbitmq/injector.ts';
import { redisInjector } from './redis/injector.ts';
import { resourceInjector } from './resource/injector.ts';
import { tcpInjector } from './tcp/injector.ts';
import { timeInjector } from './time/injector.ts';
import { tlsInjector } from './tls/injector.ts';
import { sqlInjector } from './sql/injector.ts';

/** What the injectors need of the engine. */
export interface InjectorDeps {
  /** The data plane of this process; null in a process that only undoes, such as the watchdog. */
  readonly wire: WireInjectorDeps['wire'] | null;
  readonly clock: Clock;
  /** Pids that no process fault may touch besides what the machine itself shows to be Firebreak's. */
  readonly own?: () => readonly number[];
}

/** How each type of fault is done and undone. The list is explicit: a type without an entry does not compile. */
export function createInjectors(deps: InjectorDeps): Record<FaultType, Injector> {
  const onWire: WireInjectorDeps = { wire: deps.wire ?? NO_WIRE, owner: selfIdentity(), ownerState: stateOf, clock: deps.clock };
  return {
    http: httpInjector(onWire),
    grpc: grpcInjector(onWire),
    sql: sqlInjector(onWire),
    redis: redisInjector(onWire),
    mongo: mongoInjector(onWire),
    kafka: kafkaInjector(onWire),
    rabbitmq: rabbitmqInjector(onWire),
    tls: tlsInjector(onWire),
    tcp: tcpInjector({ wire: deps.wire ?? NO_WIRE, owner: selfIdentity(), ownerState: stateOf, clock: deps.clock }),
    resource: resourceInjector(deps.clock, deps.own),
    process: processInjector(deps),
    network: networkInjector({ clock: deps.clock }),
    dns: dnsInjector(deps),
    disk: diskInjector(deps),
    kernel: kernelInjector(deps),
    time: timeInjector(deps),
    container: containerInjector({ clock: deps.clock }),
    database: databaseInjector(deps),
  };
}

/** Where there is no wire nothing can be in it; only adding to it is an error. */
const NO_WIRE: WireInjectorDeps['wire'] = {
  add: async () => {
    throw new FirebreakError('no-wire', 'this process has no data plane');
  },
  remove: async () => {},
  has: () => false,
  counters: () => undefined,
  routes: () => [],
};
