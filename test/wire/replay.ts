import assert from 'node:assert/strict';
import type { Protocol } from '../../engine/contract/models.ts';
import { Peer, Upstream, wireTo } from './parts.ts';

/** One turn of a recorded conversation: who spoke, and what. */
export interface Turn {
  readonly from: 'client' | 'upstream';
  readonly bytes: Buffer;
}
/** The pieces in which every recorded conversation must cross a route unchanged, in bytes. */
export const PIECES = [1, 7, 1_460, 65_536] as const;

/**
 * Replays a conversation through a route without policies; every byte must come out as it went in, in both directions.
 * @param seen for protocols whose routes show an address of their own: what must come out instead, as long as what went in.
 */
export async function replay(
  protocol: Protocol, turns: readonly Turn[], piece: number, seen = (bytes: Buffer, _from: Turn['from'], _route: string): Buffer => bytes,
): Promise<void> {
  await using upstream = await Upstream.start();
  const { wire, address, errors } = await wireTo(upstream.address, { protocol, workers: 1 });
  await using _ = wire;
  using client = await Peer.to(address);
  let server: Peer | undefined;
  const told = { client: [] as Buffer[], upstream: [] as Buffer[] };
  for (const { from, bytes } of turns) {
    told[from].push(seen(bytes, from, address));
    if (from === 'client') {
      await client.writePieces(bytes, piece);
      server ??= await upstream.next();
      await server.has(Buffer.concat(told.client).length);
    } else {
      server ??= await upstream.next();
      await server.writePieces(bytes, piece);
      await client.has(Buffer.concat(told.upstream).length);
    }
  }
  assert.ok(client.received.equals(Buffer.concat(told.upstream)), `the client got other bytes in pieces of ${piece}`);
  assert.ok(server !== undefined && server.received.equals(Buffer.concat(told.client)), `the upstream got other bytes in pieces of ${piece}`);
  assert.deepEqual(errors, []);
  assert.equal(wire.routeCounters()[0]?.notUnderstood, 0, 'understood throughout');
}
