import { type ClientHttp2Session, type ClientSessionOptions, connect, createServer, type Http2Server, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';

/** Nothing in these tests may wait longer than this for another part, in milliseconds. */
export const PATIENCE = 60_000;

/** A real HTTP/2 server without TLS. By default it says what it was asked for, and how many bytes came with it. */
export class H2Server implements AsyncDisposable {
  readonly server: Http2Server;
  /** `GET /path` of every request that reached it. */
  readonly asked: string[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(server: Http2Server) {
    this.server = server;
  }
  static async start(answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void = echo, settings = {}): Promise<H2Server> {
    const server = createServer({ settings });
    const self = new H2Server(server);
    server.on('session', (session) => session.on('error', () => {}));
    server.on('connection', (socket) => {
      self.#sockets.add(socket);
      socket.on('close', () => self.#sockets.delete(socket));
    });
    server.on('stream', (stream, headers) => {
      self.asked.push(`${headers[':method']} ${headers[':path']}`);
      stream.on('error', () => {});
      answer(stream, headers);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return self;
  }
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function echo(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  let got = 0;
  stream.on('data', (bytes: Buffer) => (got += bytes.length));
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'x-path': headers[':path'] ?? '' });
    stream.end(`${headers[':method']} ${headers[':path']} ${got}`);
  });
}

/** What a client saw of one request. */
export interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** The name of the error, or ''. */
  readonly failure: string;
  readonly rstCode: number;
  readonly ms: number;
}

/** A client connection of node:http2. */
export class H2Client implements AsyncDisposable {
  readonly session: ClientHttp2Session;
  failure = '';
  goaway = -1;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    session.on('error', (error: NodeJS.ErrnoException) => (this.failure = error.code ?? error.message));
    session.on('goaway', (_code: number, last: number) => (this.goaway = last));
  }
  static async to(address: string, options: ClientSessionOptions = {}): Promise<H2Client> {
    return H2Client.by(connect(`http://${address}`, options));
  }
  /** A connection that is being made. */
  static async by(session: ClientHttp2Session): Promise<H2Client> {
    const client = new H2Client(session);
    await once(session, 'connect');
    return client;
  }
  ask(path: string, headers: OutgoingHttpHeaders = {}, body?: Buffer): Promise<Seen> {
    const began = performance.now();
    return new Promise((resolve) => {
      const stream = this.session.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST', ...headers }, { endStream: body === undefined });
      let status = 0;
      let answered: Record<string, unknown> = {};
      let text = '';
      let failure = '';
      const late = setTimeout(() => stream.close(), PATIENCE);
      stream.setEncoding('utf8');
      stream.on('response', (given) => {
        status = Number(given[':status']);
        answered = { ...given };
      });
      stream.on('data', (part: string) => (text += part));
      stream.on('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? error.message));
      stream.on('close', () => {
        clearTimeout(late);
        resolve({ status, headers: answered, body: text, failure, rstCode: stream.rstCode ?? 0, ms: performance.now() - began });
      });
      if (body !== undefined) stream.end(body);
    });
  }
  /** Resolves when the connection is over. */
  over(): Promise<void> {
    return this.session.destroyed ? Promise.resolve() : new Promise((resolve) => this.session.once('close', resolve));
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.session.destroy();
    await this.over();
  }
}
