import { createInterface } from 'node:readline';
import { Client, credentials } from '@grpc/grpc-js';
import { quantile } from '../figure.ts';
import { SERVICE } from './grpc-service.ts';

/**
 * The load: for each line `{"port", "kind", "count"}` on stdin it makes so many unary calls, or sends so many messages on one
 * stream, each with so many under way at a time, and prints `{"seconds", "p50", "p99"}` (ms).
 */
interface Round {
  readonly port: number;
  readonly kind: 'unary' | 'stream';
  readonly count: number;
}
const CHANNELS = 4;
const UNDER_WAY = 32;
const MESSAGE = Buffer.alloc(100, 'x');

/** Begins `UNDER_WAY` of them, and another one whenever one is done. */
class Paced {
  readonly took: number[] = [];
  readonly #sent: number[] = [];
  #left: number;
  readonly #count: number;
  readonly #begin: (number: number) => void;

  constructor(count: number, begin: (number: number) => void) {
    this.#left = this.#count = count;
    this.#begin = begin;
    for (let i = 0; i < UNDER_WAY; i++) this.#next();
  }
  /** @returns whether that was the last one. */
  done(number: number): boolean {
    this.took.push(performance.now() - (this.#sent[number] ?? Number.NaN));
    this.#next();
    return this.took.length === this.#count;
  }
  #next(): void {
    if (this.#left === 0) return;
    const number = this.#count - this.#left--;
    this.#sent[number] = performance.now();
    this.#begin(number);
  }
}

function unary(clients: readonly Client[], count: number): Promise<readonly number[]> {
  const { path, requestSerialize, responseDeserialize } = SERVICE.unary;
  return new Promise((resolve, reject) => {
    const paced = new Paced(count, (number) => {
      clients[number % CHANNELS]?.makeUnaryRequest(path, requestSerialize, responseDeserialize, MESSAGE, (error) => {
        if (error !== null) reject(error);
        else if (paced.done(number)) resolve(paced.took);
      });
    });
  });
}

function stream([client]: readonly Client[], count: number): Promise<readonly number[]> {
  const { path, requestSerialize, responseDeserialize } = SERVICE.stream;
  return new Promise((resolve, reject) => {
    const call = client?.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    let number = 0;
    const paced = new Paced(count, () => void call?.write(MESSAGE));
    call?.on('data', () => {
      if (paced.done(number++)) call.end();
    });
    call?.on('error', reject).on('end', () => resolve(paced.took));
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { port, kind, count } = JSON.parse(line) as Round;
  const clients = Array.from({ length: CHANNELS }, (_, i) => new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1, 'bench.channel': i }));
  await Promise.all(clients.map((client) => new Promise<void>((resolve, reject) => client.waitForReady(Date.now() + 30_000, (error) => (error === undefined ? resolve() : reject(error))))));
  const began = performance.now();
  const took = await (kind === 'unary' ? unary : stream)(clients, count);
  const seconds = (performance.now() - began) / 1_000;
  for (const client of clients) client.close();
  process.stdout.write(`${JSON.stringify({ seconds, p50: quantile(took, 0.5), p99: quantile(took, 0.99) })}\n`);
}
process.exit(0);
