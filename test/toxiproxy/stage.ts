import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { api } from '../../engine/contract/api.ts';
import { createClient, type EngineClient } from '../../engine/contract/client.ts';
import { engineIn } from '../../engine/test-engine.ts';
import { serve } from '../../engine/transport/dispatch.ts';
import { memoryPair } from '../../engine/transport/memory.ts';
import { listenToxiproxy, type ToxiproxyServer } from '../../engine/transport/toxiproxy.ts';
import { Peer, Upstream } from '../wire/parts.ts';

/** An engine that speaks Toxiproxy's API, and an upstream that sends back what it gets. */
export interface Stage extends AsyncDisposable {
  readonly client: EngineClient;
  readonly server: ToxiproxyServer;
  readonly url: string;
  readonly upstream: Upstream;
  /** A connection that is destroyed with the stage. */
  call(address: string): Promise<Peer>;
}

export async function stage(): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-toxiproxy-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const upstream = stack.use(
    await Upstream.start(
      ({ socket }) => void socket.on('data', (bytes: Buffer) => socket.write(bytes)).on('end', () => socket.end()),
    ),
  );
  const engine = stack.use(await engineIn(folder));
  const [near, far] = memoryPair();
  stack.use(serve(api, engine.api, far));
  const client = stack.use(createClient(near));
  const server = stack.use(await listenToxiproxy(client, { host: '127.0.0.1', port: 0, anywhere: false }));
  const call = async (address: string): Promise<Peer> => {
    const peer = await Peer.to(address);
    stack.defer(() => void peer.socket.destroy());
    return peer;
  };
  return {
    client,
    server,
    url: `http://${server.address}`,
    upstream,
    call,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Milliseconds until the echo of the text is back, once more than before. */
export async function echo(peer: Peer, text: string): Promise<number> {
  const times = peer.received.toString('latin1').split(text).length;
  const began = performance.now();
  peer.write(text);
  await peer.says(text, times);
  return performance.now() - began;
}
