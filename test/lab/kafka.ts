import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { freePort, type LabServer, missing, startServer } from './server.ts';

/** A real Kafka broker (KRaft, one node that is broker and controller) from the jars that install-kafka.sh has fetched. */

const LAB = process.env['FIREBREAK_LAB'] ?? join(homedir(), '.cache', 'firebreak-lab');
const FOLDER = join(LAB, 'kafka-3.9.1');
export const JARS = join(FOLDER, 'jars', '*');
/** Any id of 16 bytes in base64 names a cluster. */
const CLUSTER = 'RmlyZWJyZWFrTGFiS2Fma2E';

/** For `skip` of a test: why there is no broker here, or false. */
export function kafkaMissing(...programs: readonly string[]): string | false {
  const absent = missing('java', ...programs);
  if (absent !== false) return absent;
  return existsSync(join(FOLDER, 'complete')) ? false : 'the jars of Kafka are not here: run test/lab/install-kafka.sh';
}

export interface Broker {
  readonly properties?: Readonly<Record<string, string>>;
  /** Another listener that asks for SASL/PLAIN, and how the broker names itself to those who come by it. */
  readonly outside?: {
    readonly port: number;
    readonly advertised: string;
    readonly user: string;
    readonly password: string;
  };
}

/** Starts a broker and waits until it answers for its cluster. */
export async function startKafka(options: Broker = {}): Promise<LabServer> {
  const controller = await freePort();
  const { outside } = options;
  return startServer({
    program: 'java',
    prepare: (folder, port) => {
      const properties: Record<string, string> = {
        'process.roles': 'broker,controller',
        'node.id': '1',
        'controller.quorum.voters': `1@127.0.0.1:${controller}`,
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}${outside === undefined ? '' : `,OUTSIDE://127.0.0.1:${outside.port}`}`,
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}${outside === undefined ? '' : `,OUTSIDE://${outside.advertised}`}`,
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,OUTSIDE:SASL_PLAINTEXT',
        'inter.broker.listener.name': 'PLAINTEXT',
        'controller.listener.names': 'CONTROLLER',
        'log.dirs': join(folder, 'log'),
        'offsets.topic.num.partitions': '1',
        'offsets.topic.replication.factor': '1',
        'transaction.state.log.num.partitions': '1',
        'transaction.state.log.replication.factor': '1',
        'transaction.state.log.min.isr': '1',
        'group.initial.rebalance.delay.ms': '0',
        ...(outside !== undefined && {
          'sasl.enabled.mechanisms': 'PLAIN',
          'listener.name.outside.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${outside.user}="${outside.password}";`,
        }),
        ...options.properties,
      };
      const file = join(folder, 'server.properties');
      writeFileSync(
        file,
        Object.entries(properties)
          .map(([name, value]) => `${name}=${value}\n`)
          .join(''),
      );
      const format = spawnSync('java', [...JVM, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', file], {
        encoding: 'utf8',
      });
      if (format.status !== 0)
        throw new Error(`the storage of Kafka cannot be formatted: ${format.stdout}${format.stderr}`);
    },
    args: (folder) => [...JVM, 'kafka.Kafka', join(folder, 'server.properties')],
    ready: serves,
    // It has nothing to keep, and going in good order takes it seconds.
    stopSignal: 'SIGKILL',
  });
}
const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', JARS];

async function serves(port: number): Promise<boolean> {
  const admin = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } finally {
    await admin.disconnect();
  }
}

/** What Kafka's own client prints; see KafkaClient.java. Throws with its last words when it fails. */
export function javaClient(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('java', [...JVM, join(import.meta.dirname, 'KafkaClient.java'), ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const text = { out: '', err: '' };
    child.stdout.on('data', (bytes: Buffer) => (text.out += bytes));
    child.stderr.on('data', (bytes: Buffer) => (text.err += bytes));
    const late = setTimeout(() => child.kill('SIGKILL'), 180_000);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(late);
      if (code === 0) resolve(text.out);
      else reject(new Error(`the client ended with ${code}: ${text.err.slice(-2_000)}${text.out.slice(-500)}`));
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
