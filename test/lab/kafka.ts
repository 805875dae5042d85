import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { JVM, type KafkaOptions, kafkaServer } from '../../engine/demo/servers/kafka.ts';
import { missingServer } from '../../engine/host/server-process.ts';
import { type LabServer, missing, startServer } from './server.ts';

export type { KafkaOptions as Broker } from '../../engine/demo/servers/kafka.ts';

/** For `skip` of a test: why there is no broker here, or false. */
export const kafkaMissing = (...programs: readonly string[]): string | false =>
  missing(...programs) || missingServer(kafkaServer());

/** Starts a broker and waits until it answers for its cluster. */
export const startKafka = (options: KafkaOptions = {}): Promise<LabServer> => startServer(kafkaServer(options));

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
