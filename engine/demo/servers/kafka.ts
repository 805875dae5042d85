import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type ServerSpec } from '../../index.ts';
import { LAB } from './lab.ts';

/** The jars of a broker: those that test/lab/install-kafka.sh fetches, else those of a Kafka that $KAFKA_HOME names. */
const FETCHED = join(LAB, 'kafka-3.9.1');
const HOME = process.env['KAFKA_HOME'];
const isFetched = existsSync(join(FETCHED, 'complete'));
const FOLDER = isFetched || HOME === undefined ? join(FETCHED, 'jars') : join(HOME, 'libs');
export const JVM = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', join(FOLDER, '*')];
/** Any id of 16 bytes in base64 names a cluster. */
const CLUSTER = 'RmlyZWJyZWFrTGFiS2Fma2E';

export interface KafkaOptions {
  readonly properties?: Readonly<Record<string, string>>;
  /** Another listener that asks for SASL/PLAIN, and how the broker names itself to those who come by it. */
  readonly outside?: { readonly port: number; readonly advertised: string; readonly user: string; readonly password: string };
}

/** A broker (KRaft, one node that is broker and controller). */
export const kafkaServer = (options: KafkaOptions = {}): ServerSpec => ({
  title: 'Kafka',
  needs: ['java'],
  missing: () => (existsSync(FOLDER) ? '' : `its jars are not in ${FOLDER}: run test/lab/install-kafka.sh, or set KAFKA_HOME`),
  morePorts: 1,
  files: ({ folder, port, morePorts: [controller = 0] }) => ({
    'server.properties': Object.entries(propertiesOf(options, folder, port, controller))
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  }),
  first: ({ folder }) => [['java', ...JVM, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', join(folder, 'server.properties')]],
  command: ({ folder }) => ['java', ...JVM, 'kafka.Kafka', join(folder, 'server.properties')],
  ready: serves,
  // It has nothing to keep, and going in good order takes it seconds.
  stopSignal: 'SIGKILL',
});

function propertiesOf({ outside, properties }: KafkaOptions, folder: string, port: number, controller: number): Record<string, string> {
  const also = (text: string): string => (outside === undefined ? '' : text);
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}${also(`,OUTSIDE://127.0.0.1:${outside?.port}`)}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}${also(`,OUTSIDE://${outside?.advertised}`)}`,
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
    ...properties,
  };
}

/** Metadata, version 4 (https://kafka.apache.org/protocol.html#The_Messages_Metadata), about no topic, without a client id. */
const METADATA = Buffer.from('0003' + '0004' + '00000001' + 'ffff' + '00000000' + '00', 'hex');
/** Where the number of brokers lies in the answer: after its length, correlation id and throttle time. */
const BROKERS_AT = 12;

/** Whether it knows a broker of its cluster: it accepts connections before that. Asked by hand, as no library is needed for it. */
function serves(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(METADATA.length);
    const socket = connect({ host: '127.0.0.1', port, timeout: 5_000 }, () => socket.write(Buffer.concat([length, METADATA])));
    let answer = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      answer = Buffer.concat([answer, bytes]);
      if (answer.length < BROKERS_AT + 4) return;
      resolve(answer.readInt32BE(BROKERS_AT) > 0);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('timeout', () => socket.destroy());
    socket.on('close', () => resolve(false));
  });
}
