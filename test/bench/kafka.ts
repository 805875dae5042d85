import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kafkaMissing, startKafka } from '../lab/kafka.ts';
import { freePort, type LabServer, programOf } from '../lab/server.ts';
import type { Bench } from './figure.ts';
import { compareAll, type Comparison, type Round } from './ways.ts';

const ROUNDS = 6;
/** Bytes of a record. */
const SIZE = 100;
/** Records of a round of about half a second, and how many of them a request carries at most: the smaller, the more the proxy has to do. */
const WRITTEN = 20_000;
const BATCH = 10;
/** Records of a round, and bytes that an answer carries of them. */
const READ = 200_000;
const ANSWER = 16_384;

/** kcat (librdkafka) on a broker: records are produced in small requests, and consumed in small answers. */
export const run: Bench['run'] = async (say) => {
  // The broker sends whoever comes to it to an address of its own choice, so those who come through Toxiproxy need a listener
  // that names Toxiproxy's port: Firebreak tells its clients its own.
  const toxiproxy = { listen: await freePort(), upstream: await freePort() };
  return compareAll(
    {
      lacks: kafkaMissing('kcat'),
      start: () => start(toxiproxy),
      comparisons: (server): Comparison[] => {
        const compared = { bench: 'kafka', unit: 'records', cpu: { per: 1e6, called: 's/1M records' }, protocol: 'kafka', upstream: server.port, rounds: ROUNDS, toxiproxy } as const;
        return [
          { ...compared, prefix: 'produce, ', measure: (port) => timed(WRITTEN, () => produce(server, port, 'written', WRITTEN)) },
          { ...compared, prefix: 'consume, ', measure: (port) => timed(READ, () => consume(port)) },
        ];
      },
    },
    say,
  );
};

async function start({ listen, upstream }: { readonly listen: number; readonly upstream: number }): Promise<LabServer> {
  const server = await startKafka({
    outside: { port: upstream, advertised: `127.0.0.1:${listen}`, user: 'nobody', password: 'none' },
    properties: { 'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,OUTSIDE:PLAINTEXT' },
  });
  for (const count of [WRITTEN, READ]) {
    const records = Array.from({ length: count }, (_, i) => `${String(i).padEnd(SIZE, 'x')}\n`);
    writeFileSync(fileOf(server, count), records.join(''));
  }
  await produce(server, server.port, 'read', READ);
  return server;
}
const fileOf = ({ folder }: LabServer, count: number): string => join(folder, `${count} records`);

const produce = (server: LabServer, port: number, topic: string, count: number): Promise<string> =>
  kcat(['-P', '-b', `127.0.0.1:${port}`, '-t', topic, '-p', 0, '-l', fileOf(server, count), '-X', `batch.num.messages=${BATCH}`, '-X', 'linger.ms=0']);

/** Ends when the last record is here; of each it prints a byte. */
async function consume(port: number): Promise<void> {
  const limits = ['-X', 'fetch.wait.max.ms=20', '-X', `fetch.message.max.bytes=${ANSWER}`];
  const text = await kcat(['-C', '-b', `127.0.0.1:${port}`, '-t', 'read', '-p', 0, '-o', 'beginning', '-c', READ, '-q', '-f', '.', ...limits]);
  if (text.length !== READ) throw new Error(`${text.length} of ${READ} records came through port ${port}`);
}

async function timed(done: number, work: () => Promise<unknown>): Promise<Round> {
  const began = performance.now();
  await work();
  return { done, seconds: (performance.now() - began) / 1_000 };
}

/** Throws when it fails: kcat has delivered everything when it ends with 0. */
async function kcat(args: readonly (string | number)[]): Promise<string> {
  const { stdout } = await promisify(execFile)(programOf('kcat') ?? 'kcat', args.map(String), { timeout: 60_000, maxBuffer: 2 * READ });
  return stdout;
}
