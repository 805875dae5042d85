import { TOXIC_SCOPE, type ToxicSpec } from '../../../engine/wire/toxics/spec.ts';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import type { Wire } from '../../../engine/wire/wire.ts';
import type { Protocol } from '../../../engine/contract/models.ts';
import { Peer, policy, Upstream, wireTo } from '../parts.ts';

const NONE: ToxicSpec = {
  kind: 'latency', stream: 'downstream', toxicity: 1, latency: 0, jitter: 0, rate: 0, wait: 0, averageSize: 1, sizeVariation: 0, pause: 0,
  bytes: 0, chance: 0, pieceSize: 1_460,
};

/** A toxic as the wire takes it. */
export const toxic = (spec: Partial<ToxicSpec>, over: Partial<WirePolicy> = {}): WirePolicy =>
  policy({ protocol: 'tcp', scope: TOXIC_SCOPE, extra: { ...NONE, ...spec }, ...over });

/** A route with a client on one end and what the upstream made of it on the other. */
export interface Line extends AsyncDisposable {
  readonly wire: Wire;
  readonly address: string;
  readonly upstream: Upstream;
  readonly errors: Error[];
  /** A client that the upstream may never hear of. */
  call(): Promise<Peer>;
  /** A client through the route, and its other end. */
  join(flowing?: boolean): Promise<{ client: Peer; server: Peer }>;
}
export async function line(protocol: Protocol = 'tcp', workers = 1): Promise<Line> {
  const upstream = await Upstream.start();
  const { wire, address, errors } = await wireTo(upstream.address, { protocol, workers });
  const clients: Peer[] = [];
  const call = async (flowing = true): Promise<Peer> => {
    const client = await Peer.to(address, flowing);
    clients.push(client);
    return client;
  };
  return {
    wire, address, upstream, errors,
    call,
    join: async (flowing = true) => {
      const client = await call(flowing);
      return { client, server: await upstream.next() };
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.socket.destroy();
      await wire[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** Milliseconds from the call until it resolves. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Bytes that are all told apart by their place. */
export function numbered(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + (at >> 16)) & 0xff;
  return bytes;
}

/** Tries that a machine with other work gets to show an undisturbed one. */
const TRIES = 25;

/**
 * Measures until one try lies within 10 % of what was asked for, and fails when none does: a busy machine makes delays
 * longer, and rates anything. With `least` no try may come out lower, which no machine can be blamed for.
 */
export async function within10(asked: number, measure: () => Promise<number>, least = 0): Promise<void> {
  const found: number[] = [];
  while (found.length < TRIES) {
    const one = await measure();
    found.push(one);
    if (one < least) break;
    if (Math.abs(one / asked - 1) < 0.1) return;
  }
  throw new Error(`asked for ${asked}, found ${found.map((one) => one.toFixed(1)).join(', ')}`);
}
