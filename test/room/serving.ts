import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { type EngineClient, createClient } from '../../engine/contract/client.ts';
import { type EngineEvent } from '../../engine/contract/models.ts';
import { connectLoopback } from '../../engine/transport/websocket.ts';
import { REAL, Running } from '../cli/process.ts';

/** A real `firebreak serve`, as a process that can be stopped, killed and started again. */
export interface Served extends AsyncDisposable {
  readonly running: Running;
  readonly pid: number;
  readonly url: string;
  readonly port: number;
  /** `ws://…#token=…`, for a client beside the page. */
  readonly contract: string;
  signal(name: NodeJS.Signals): void;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
}

export async function serve(stateDir: string, ...options: string[]): Promise<Served> {
  const running = new Running(REAL, ['serve', '--state-dir', stateDir, ...options]);
  try {
    await running.says(/metrics +http/);
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
  const url = /room: (\S+)/.exec(running.out)?.[1] ?? '';
  const { port, hash } = new URL(url);
  const { child } = running;
  const signal = (name: NodeJS.Signals): void => void child.kill(name);
  return {
    running,
    pid: child.pid ?? 0,
    url,
    port: Number(port),
    contract: `ws://127.0.0.1:${port}/contract${hash}`,
    signal,
    kill: async () => {
      signal('SIGKILL');
      await running.code();
    },
    // In good order, so that no watchdog is left to wait for an engine.
    [Symbol.asyncDispose]: async () => {
      signal('SIGCONT');
      signal('SIGTERM');
      await running.code();
    },
  };
}

/** Another client of the same engine, which keeps every event that the engine tells. */
export interface Witness extends Disposable {
  readonly client: EngineClient;
  readonly events: readonly EngineEvent[];
}
export async function witness({ contract }: Pick<Served, 'contract'>): Promise<Witness> {
  const client = createClient(await connectLoopback(contract));
  const events: EngineEvent[] = [];
  const take = async (): Promise<void> => {
    for await (const event of client.stream('events', { since: 0 })) events.push(event);
  };
  // The engine is killed under it: that ends the stream.
  void take().catch(() => {});
  return { client, events, [Symbol.dispose]: () => client.close() };
}

/**
 * A SOCKS5 proxy on loopback (RFC 1928, no authentication, CONNECT only) that can be cut, so that a page loses its
 * connection while the engine lives: the page keeps the engine's address, which Host and Origin are checked against.
 */
export class Line implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut = false;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) =>
      this.#cut ? socket.destroy() : void this.#join(socket).catch(() => socket.destroy()),
    );
  }
  static async open(): Promise<Line> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Line(server);
  }
  get proxy(): { readonly server: string; readonly bypass: string } {
    const { port } = this.#server.address() as { readonly port: number };
    return { server: `socks5://127.0.0.1:${port}`, bypass: '<-loopback>' };
  }
  /** Breaks every connection and lets none begin. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }
  mend(): void {
    this.#cut = false;
  }

  async #join(socket: Socket): Promise<void> {
    this.#keep(socket);
    const [, methods = 0] = await bytes(socket, 2);
    await bytes(socket, methods);
    socket.write(Buffer.from([5, 0]));
    const [, , , kind] = await bytes(socket, 4);
    const length = kind === 1 ? 4 : ((await bytes(socket, 1))[0] ?? 0);
    const address = await bytes(socket, length);
    const port = (await bytes(socket, 2)).readUInt16BE();
    const host = kind === 1 ? address.join('.') : address.toString();
    const far = connect(port, host);
    this.#keep(far);
    await once(far, 'connect');
    socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    socket.pipe(far).pipe(socket);
    socket.once('close', () => far.destroy());
    far.once('close', () => socket.destroy());
  }
  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }
}

/** The next bytes of a socket that is not flowing. */
async function bytes(socket: Socket, count: number): Promise<Buffer> {
  if (count === 0) return Buffer.alloc(0);
  for (;;) {
    const read = socket.read(count) as Buffer | null;
    if (read !== null) return read;
    if (socket.destroyed || socket.readableEnded) throw new Error('the connection ended early');
    await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
  }
}
