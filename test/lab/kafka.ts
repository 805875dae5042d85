import { spawnSync } from 'node:child_process';
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
  /** How the broker names itself to clients; by default the address that it listens on. */
  readonly advertised?: string;
  readonly properties?: Readonly<Record<string, string>>;
}

/** Starts a broker and waits until it answers for its cluster. */
export async function startKafka(options: Broker = {}): Promise<LabServer> {
  const controller = await freePort();
  return startServer({
    program: 'java',
    prepare: (folder, port) => {
      const properties: Record<string, string> = {
        'process.roles': 'broker,controller',
        'node.id': '1',
        'controller.quorum.voters': `1@127.0.0.1:${controller}`,
        listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
        'advertised.listeners': `PLAINTEXT://${options.advertised ?? `127.0.0.1:${port}`}`,
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
        'controller.listener.names': 'CONTROLLER',
        'log.dirs': join(folder, 'log'),
        'offsets.topic.num.partitions': '1',
        'offsets.topic.replication.factor': '1',
        'transaction.state.log.num.partitions': '1',
        'transaction.state.log.replication.factor': '1',
        'transaction.state.log.min.isr': '1',
        'group.initial.rebalance.delay.ms': '0',
        ...options.properties,
      };
      const file = join(folder, 'server.properties');
      writeFileSync(file, Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join(''));
      const format = spawnSync('java', [...JVM, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', file], { encoding: 'utf8' });
      if (format.status !== 0) throw new Error(`the storage of Kafka cannot be formatted: ${format.stdout}${format.stderr}`);
    },
    args: (folder) => [...JVM, 'kafka.Kafka', join(folder, 'server.properties')],
    ready: serves,
  });
}
const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', JARS];

async function serves(port: number): Promise<boolean> {
  const admin = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } finally {
    await admin.disconnect();
  }
}
