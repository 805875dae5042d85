import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Protocol } from '../../engine/contract/models.ts';
import type { WirePolicy } from '../../engine/policy/snapshot.ts';
import type { Wire } from '../../engine/wire/wire.ts';
import { createWire, type WireOptions } from '../../engine/wire/create.ts';

/** Nothing in these tests may wait longer than this for another part, in milliseconds. */
const PATIENCE = 20_000;

/** One end of a TCP connection that keeps what it received and lets a test wait for it. */
export class Peer implements Disposable {
  readonly socket: Socket;
  error: NodeJS.ErrnoException | undefined;
  ended = false;
  closed = false;
  #parts: Buffer[] = [];
  #length = 0;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket, flowing = true) {
    this.socket = socket;
    const wake = (): void => this.#waiting.splice(0).forEach((resume) => resume());
    if (flowing) this.read();
    socket.on('end', () => ((this.ended = true), wake()));
    socket.on('error', (error) => ((this.error = error), wake()));
    socket.on('close', () => ((this.closed = true), wake()));
    this.#wake = wake;
  }
  readonly #wake: () => void;

  static async to(address: string, flowing = true): Promise<Peer> {
    const [host = '', port = ''] = address.split(':');
    const socket = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    return new Peer(socket, flowing);
  }
  read(): void {
    this.socket.on('data', (bytes: Buffer) => {
      this.#parts.push(bytes);
      this.#length += bytes.length;
      this.#wake();
    });
  }
  get received(): Buffer {
    const all = Buffer.concat(this.#parts);
    this.#parts = [all];
    return all;
  }
  get length(): number {
    return this.#length;
  }
  /** Waits until `condition` holds; it is asked again after everything that happens on the socket. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const late = setTimeout(() => this.#wake(), PATIENCE);
    const deadline = performance.now() + PATIENCE;
    try {
      while (!condition()) {
        if (performance.now() >= deadline) throw new Error(`waited in vain for ${what}; received: ${this.received.subarray(0, 300).toString('latin1')}`);
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(late);
    }
  }
  has(length: number): Promise<void> {
    return this.until(() => this.#length >= length || this.closed, `${length} bytes (${this.#length} are here)`);
  }
  /** Waits until the text has arrived `times` times. */
  async says(text: string, times = 1): Promise<void> {
    await this.until(() => this.closed || this.received.toString('latin1').split(text).length > times, JSON.stringify(text));
  }
  over(): Promise<void> {
    return this.until(() => this.closed || this.ended, 'the end');
  }
  write(bytes: string | Buffer): void {
    if (!this.socket.destroyed) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }
  /** In pieces, each given time to leave by itself. */
  async writePieces(bytes: Buffer, size: number): Promise<void> {
    for (let at = 0; at < bytes.length && !this.socket.destroyed; at += size) {
      this.socket.write(bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** A raw TCP server whose connections a test takes one by one. */
export class Upstream implements AsyncDisposable {
  readonly #server: Server;
  readonly #arrived: Peer[] = [];
  readonly #all: Peer[] = [];
  #take: ((peer: Peer) => void) | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      const peer = new Peer(socket);
      this.#all.push(peer);
      if (this.#take === undefined) return this.#arrived.push(peer);
      this.#take(peer);
      this.#take = undefined;
    });
  }
  static async start(onPeer?: (peer: Peer) => void): Promise<Upstream> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const upstream = new Upstream(server);
    if (onPeer !== undefined) server.on('connection', () => onPeer(upstream.#all.at(-1) as Peer));
    return upstream;
  }
  get address(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }
  /** How many connections there were so far. */
  get count(): number {
    return this.#all.length;
  }
  /** The next connection that nobody has taken yet. */
  next(): Promise<Peer> {
    const peer = this.#arrived.shift();
    return peer !== undefined ? Promise.resolve(peer) : new Promise((resolve) => (this.#take = resolve));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#all) peer.socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** An upstream that answers every request without a body by its path, at once, and closes when its client does. */
export const echoing = (): Promise<Upstream> =>
  Upstream.start((peer) => {
    let answered = 0;
    peer.socket.on('end', () => peer.socket.end());
    peer.socket.on('data', () => {
      const requests = peer.received.toString('latin1').split('\r\n\r\n').slice(0, -1);
      for (const request of requests.slice(answered)) {
        const path = request.trimStart().split(' ')[1] ?? '';
        peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
      }
      answered = requests.length;
    });
  });

/** A wire with one route to `upstream`. Errors of its workers fail the test that asks for `errors`. */
export async function wireTo(upstream: string, options: WireOptions & { protocol?: Protocol } = {}): Promise<{ wire: Wire; address: string; errors: Error[] }> {
  const errors: Error[] = [];
  const wire = createWire({ ...options, onError: (error) => errors.push(error) });
  const [route] = await wire.open([{ name: 'r', protocol: options.protocol ?? 'http', listen: '127.0.0.1:0', upstream }]);
  return { wire, address: route?.listen ?? '', errors };
}

let policies = 0;
export const policy = (over: Partial<WirePolicy> = {}): WirePolicy => ({
  id: `f-${++policies}`, name: 'p', protocol: 'http', target: 'all', route: '', seed: 42, latencyChance: 0, latencyMs: 0, errorChance: 0,
  errorCode: 0, errorBody: '', dropConnection: false, matchHeaders: {}, throttleRate: 0, ...over,
});
