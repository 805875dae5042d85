import { type FaultType } from '../engine/faults/manifests.ts';

/** What came of a plan, or of a fault. */
export type Tried =
  | { readonly unavailable: string }
  | { readonly refused: string; readonly hint: string }
  | { readonly targets: number }
  | { readonly bitten: boolean; readonly reverted: boolean; readonly detail: string };
export interface Outcome {
  readonly type: FaultType;
  readonly planned: Tried;
  /** Null when it was not tried. */
  readonly tried: Tried | null;
  /** Undo records that are left open. */
  readonly open: number;
}

export interface Grounds {
  readonly folder: string;
  /** The pid of a process of another user. */
  readonly foreign: string;
  readonly upstream: number;
  /** Words in the command lines of processes of this user's own. */
  readonly fleet: string;
  readonly app: string;
  readonly clocked: string;
}

interface Case {
  readonly type: FaultType;
  readonly text: string;
  /** It reaches the whole machine, unless that is one of the test's own. */
  readonly machine?: boolean;
  /** Nobody here speaks its protocol, so that it is planned alone. */
  readonly idle?: boolean;
}

/** A file for each thing that a fault can do, on targets that any user has. */
export function casesOf({ folder, foreign, upstream, fleet, app, clocked }: Grounds): Readonly<Record<string, Case>> {
  const one = (type: FaultType, target: string, fields: string, machine = false): Case => ({
    type, machine, text: `version: 1\npolicies:\n  - { name: one, type: ${type}, target: "${target}", ${fields} }`,
  });
  const routed = (type: FaultType, protocol: string, target: string, fields: string, idle = false): Case => ({
    type, idle,
    text: `version: 1\nroutes:\n  - { name: way, protocol: ${protocol}, listen: "127.0.0.1:0", upstream: "127.0.0.1:${upstream}" }\npolicies:\n  - { name: one, type: ${type}, target: "${target}", ${fields} }`,
  });
  const disk = `${folder}/disk`;
  return {
    'failed requests': routed('http', 'http', '/charge*', 'error_chance: 1, error_code: 503'),
    'late bytes': routed('tcp', 'tcp', 'all', 'toxic: latency, latency_duration: 20ms'),
    ...Object.fromEntries((['grpc', 'sql', 'redis', 'mongo', 'kafka', 'rabbitmq'] as const).map((type) => [type, routed(type, type, 'all', 'latency_chance: 1, latency_duration: 20ms', true)])),
    'stopped process': one('process', `cmd:${fleet}`, 'action: stop'),
    'frozen process': one('process', `cmd:${fleet}`, 'action: freeze'),
    'process of another': one('process', `pid:${foreign}`, 'action: stop, allow_last: true'),
    load: one('resource', 'host', 'cpu_cores: 1, cpu_load: 0.2'),
    memory: one('resource', 'host', 'ram_mb: 16'),
    'limited memory': one('resource', `cmd:${fleet}`, 'memory_limit_mb: 512'),
    'limited processor': one('resource', `cmd:${fleet}`, 'cpu_limit: 0.5'),
    'limited number': one('resource', `cmd:${fleet}`, 'pids_limit: 500'),
    caches: one('resource', 'host', 'drop_caches: true, allow_host: true', true),
    'full disk': one('disk', disk, 'size_mb: 4, allow_system_disk: true'),
    'read-only disk': one('disk', '/dev/shm', 'action: read-only', true),
    'slow disk': one('disk', disk, `action: limit, processes: "cmd:${fleet}", write_rate: 1000, allow_system_disk: true`),
    clock: one('time', `cmd:${clocked}`, 'offset: 1h'),
    'clock of others': one('time', `cmd:${clocked}`, 'offset: 1h, other_users: true'),
    'late packets': one('network', 'lo', `port: ${upstream}, latency: 50ms`, true),
    'lost packets': one('network', 'lo', `port: ${upstream}, loss: 0.3`, true),
    'slow packets': one('network', 'lo', `port: ${upstream}, rate: 1mbit`, true),
    'lost names': one('dns', 'host', 'names: "*.test"', true),
    'refused connections': one('kernel', `cmd:${app}`, 'action: connect'),
    'broken reads': one('kernel', `cmd:${app}`, `action: call, calls: read, path: ${folder}/data`),
    container: one('container', 'name:web', 'action: pause, all: true'),
  };
}

/** Which line of `doctor` speaks of which cases. A machine that can do it, for a user who cannot, is no help to that one. */
export const SPEAKS_OF: Readonly<Record<string, readonly string[]>> = {
  'stop and continue processes': ['stopped process'],
  "signal other users' processes": ['process of another'],
  'load CPU cores': ['load'],
  'take memory': ['memory'],
  'freeze processes': ['frozen process'],
  'limit memory of processes': ['limited memory'],
  'limit processor of processes': ['limited processor'],
  'limit number of processes': ['limited number'],
  'limit reading and writing of processes': ['slow disk'],
  'drop caches': ['caches'],
  'fill a disk': ['full disk'],
  'mount a disk read-only': ['read-only disk'],
  'set off the clock of processes': ['clock'],
  'delay and damage packets': ['late packets'],
  'lose, drop and reject packets': ['lost packets'],
  'limit the rate of packets': ['slow packets'],
  'answer what programs ask of name servers': ['lost names'],
  'fail calls at sockets (BPF)': ['refused connections'],
  'fail any system call (strace)': ['broken reads'],
  'treat containers': ['container'],
};
