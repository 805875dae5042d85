import assert from 'node:assert/strict';
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { type Broker, startKafka } from '../../lab/kafka.ts';
import type { LabServer } from '../../lab/server.ts';
import { type Ran, RouteStage, routeTo, run } from '../stage.ts';

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

/** A real broker behind a route. */
export class Stage extends RouteStage<LabServer> {
  readonly direct = this.server.address;
  readonly kafka = clientOf(this.address);
  /** On a connection that no fault can reach. */
  readonly admin = clientOf(this.direct, { retry: { retries: 10 } }).admin();

  static async start(options: Broker = {}): Promise<Stage> {
    const stage = new Stage(await routeTo('kafka', startKafka(options)));
    stage.stack.defer(() => stage.admin.disconnect());
    return stage.admin.connect().then(
      () => stage,
      (error: unknown) => stage.stack.disposeAsync().then(() => Promise.reject(error)),
    );
  }
  /** Waits until there are groups: until the broker has made its own topic for them. */
  async groups(topic: string): Promise<void> {
    await this.admin.fetchOffsets({ groupId: 'nobody', topics: [topic] });
  }
  /** Creates a topic of its own, and returns its name. */
  async topic(name: string, partitions = 1): Promise<string> {
    await this.admin.createTopics({ topics: [{ topic: name, numPartitions: partitions, replicationFactor: 1 }] });
    return name;
  }
  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    assert.deepEqual(this.errors, []);
  }
}

/** kcat, whose protocol is librdkafka's. */
export const kcat = (args: readonly string[], input = ''): Promise<Ran> => run('kcat', args, input);
/** Without these it waits half a second for more at the end, and after an error. */
const QUICK = ['-X', 'fetch.wait.max.ms=20', '-X', 'fetch.error.backoff.ms=20'];
/** All records of a topic as kcat reads them: offset and value. */
export async function readAll(address: string, topic: string, ...more: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await kcat(['-b', address, '-C', '-t', topic, '-e', '-q', '-f', '%o:%s\n', ...QUICK, ...more]);
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Resolves when `condition` holds; it is asked again and again. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
