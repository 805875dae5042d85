import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type Admin, Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import type { Wire } from '../../../engine/wire/wire.ts';
import { type Broker, startKafka } from '../../lab/kafka.ts';
import { programOf } from '../../lab/server.ts';
import { policy, wireTo } from '../parts.ts';

process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';

/** Nothing may wait longer than this, in milliseconds: a broker on a starved machine is slow. */
const PATIENCE = 120_000;

/** A client that tells of every failure at once instead of trying again. */
export const clientOf = (address: string, over: Partial<KafkaConfig> = {}): Kafka =>
  new Kafka({ brokers: [address], clientId: 'shop', logLevel: logLevel.NOTHING, retry: { retries: 0 }, requestTimeout: PATIENCE, ...over });

/** The name of Kafka's error, or of the client's own. */
export function nameOf(error: unknown): string {
  const { type, cause, name } = error as { type?: string; cause?: unknown; name: string };
  return type ?? (cause === undefined ? name : nameOf(cause));
}

export interface Stage extends AsyncDisposable {
  readonly wire: Wire;
  /** Of the route, and of the broker behind it. */
  readonly address: string;
  readonly direct: string;
  readonly kafka: Kafka;
  /** On a connection that no fault can reach. */
  readonly admin: Admin;
  add(over: Partial<WirePolicy>): Promise<WirePolicy>;
  /** Takes away all policies that were added. */
  clear(): Promise<void>;
  /** Waits until there are groups: until the broker has made its own topic for them. */
  groups(topic: string): Promise<void>;
  /** Creates a topic of its own, and returns its name. */
  topic(name: string, partitions?: number): Promise<string>;
}

/** A real broker behind a route. */
export async function startStage(options: Broker = {}): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await startKafka(options));
  const { wire, address, errors } = await wireTo(broker.address, { protocol: 'kafka' });
  stack.defer(() => assert.deepEqual(errors, []));
  stack.use(wire);
  const admin = clientOf(broker.address, { retry: { retries: 10 } }).admin();
  await admin.connect();
  stack.defer(() => admin.disconnect());
  const moved = stack.move();
  const added: string[] = [];
  return {
    wire, address, direct: broker.address, admin, kafka: clientOf(address),
    add: async (over) => {
      const one = policy({ protocol: 'kafka', ...over });
      added.push(one.id);
      await wire.add(one);
      return one;
    },
    clear: async () => {
      wire.resume();
      for (const id of added.splice(0)) await wire.remove(id);
    },
    groups: async (topic) => void (await admin.fetchOffsets({ groupId: 'nobody', topics: [topic] })),
    topic: async (name, partitions = 1) => {
      await admin.createTopics({ topics: [{ topic: name, numPartitions: partitions, replicationFactor: 1 }] });
      return name;
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
/** kcat, whose protocol is librdkafka's. */
export function kcat(args: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(programOf('kcat') ?? 'kcat', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const text = { out: '', err: '' };
    child.stdout.on('data', (bytes: Buffer) => (text.out += bytes));
    child.stderr.on('data', (bytes: Buffer) => (text.err += bytes));
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    child.on('close', (code) => (clearTimeout(late), resolve({ code, ...text })));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
/** Without these it waits half a second for more at the end, and after an error. */
const QUICK = ['-X', 'fetch.wait.max.ms=20', '-X', 'fetch.error.backoff.ms=20'];
/** All records of a topic as kcat reads them: offset and value. */
export async function readAll(address: string, topic: string, ...more: string[]): Promise<string[]> {
  const { code, out, err } = await kcat(['-b', address, '-C', '-t', topic, '-e', '-q', '-f', '%o:%s\n', ...QUICK, ...more]);
  assert.equal(code, 0, err);
  return out.split('\n').filter((line) => line !== '');
}

/** Resolves when `condition` holds; it is asked again and again. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
