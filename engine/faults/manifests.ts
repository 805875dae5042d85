import { type FaultManifest } from '../kernel/fault.ts';
import { containerManifest } from './container/manifest.ts';
import { databaseManifest } from './database/manifest.ts';
import { diskManifest } from './disk/manifest.ts';
import { dnsManifest } from './dns/manifest.ts';
import { grpcManifest } from './grpc/manifest.ts';
import { httpManifest } from './http/manifest.ts';
import { kafkaManifest } from './kafka/manifest.ts';
import { kernelManifest } from './kernel/manifest.ts';
import { mongoManifest } from './mongo/manifest.ts';
import { networkManifest } from './network/manifest.ts';
import { processManifest } from './process/manifest.ts';
import { rabbitmqManifest } from './rabbitmq/manifest.ts';
import { redisManifest } from './redis/manifest.ts';
import { resourceManifest } from './resource/manifest.ts';
import { sqlManifest } from './sql/manifest.ts';
import { tcpManifest } from './tcp/manifest.ts';
import { timeManifest } from './time/manifest.ts';
import { tlsManifest } from './tls/manifest.ts';

/** Every type of fault that a policy may name. A type without a manifest below does not compile, nor the reverse. */
export type FaultType = 'http' | 'grpc' | 'sql' | 'redis' | 'mongo' | 'kafka' | 'rabbitmq' | 'tcp' | 'tls' | 'resource' | 'process' | 'network' | 'dns' | 'disk' | 'kernel' | 'time' | 'container' | 'database';

/** What each type of fault is; safe for a browser. Injectors are listed apart, in injectors.ts. */
export const manifests = {
  http: httpManifest,
  grpc: grpcManifest,
  sql: sqlManifest,
  redis: redisManifest,
  mongo: mongoManifest,
  kafka: kafkaManifest,
  rabbitmq: rabbitmqManifest,
  tls: tlsManifest,
  tcp: tcpManifest,
  resource: resourceManifest,
  process: processManifest,
  network: networkManifest,
  dns: dnsManifest,
  disk: diskManifest,
  kernel: kernelManifest,
  time: timeManifest,
  container: containerManifest,
  database: databaseManifest,
} as const satisfies { readonly [Type in FaultType]: FaultManifest<Type> };

/** The manifest of a type, or undefined when there is no such type. */
export function manifestOf(type: string): FaultManifest | undefined {
  return Object.hasOwn(manifests, type) ? manifests[type as FaultType] : undefined;
}
