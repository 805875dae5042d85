import { type ChannelOptions, type Client, credentials, loadPackageDefinition, Metadata, Server, ServerCredentials, type ServerDuplexStream, type ServerReadableStream, type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, type ServiceClientConstructor, type ServiceDefinition, type StatusObject } from '@grpc/grpc-js';
import { fromJSON, loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { join } from 'node:path';

/** Nothing in these tests may wait longer than this for another part, in milliseconds. */
const PATIENCE = 60_000;
const definition = loadSync(join(import.meta.dirname, 'shop.proto'), { keepCase: true, defaults: true });
/** The service that every gRPC server should offer (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). */
const health = fromJSON({
  nested: { grpc: { nested: { health: { nested: { v1: { nested: {
    Health: { methods: { Check: { requestType: 'Request', responseType: 'Response', comment: '' } } },
    Request: { fields: { service: { type: 'string', id: 1 } } },
    Response: { fields: { status: { type: 'int32', id: 1 } } },
  } } } } } } },
});
export const SERVICE = definition['shop.Orders'] as unknown as ServiceDefinition;
export const HEALTH = health['grpc.health.v1.Health'] as unknown as ServiceDefinition;

export interface Order {
  readonly number: number;
  readonly filling: Buffer;
}
interface Receipt {
  readonly count: number;
  readonly numbers: readonly number[];
}

/** A real server of @grpc/grpc-js with one method of each kind, health and reflection. */
export class Shop implements AsyncDisposable {
  readonly #server: Server;
  readonly address: string;
  /** The name of each call that reached it. */
  readonly calls: string[];

  private constructor(server: Server, port: number, calls: string[]) {
    this.#server = server;
    this.address = `127.0.0.1:${port}`;
    this.calls = calls;
  }
  static async start(options: ChannelOptions = {}, secured = ServerCredentials.createInsecure()): Promise<Shop> {
    const server = new Server(options);
    const calls: string[] = [];
    server.addService(SERVICE, {
      Place: (call: ServerUnaryCall<Order, Receipt>, done: sendUnaryData<Receipt>) => {
        calls.push('Place');
        const back = new Metadata();
        back.set('x-seen', String(call.metadata.get('x-tier')[0] ?? ''));
        done(null, { count: 1, numbers: [call.request.number] }, back);
      },
      List: (call: ServerWritableStream<{ count: number; size: number }, Order>) => {
        calls.push('List');
        void sendAll(call, call.request.count, call.request.size).then(() => call.end());
      },
      Upload: (call: ServerReadableStream<Order, Receipt>, done: sendUnaryData<Receipt>) => {
        calls.push('Upload');
        const numbers: number[] = [];
        call.on('data', ({ number }: Order) => numbers.push(number)).on('end', () => done(null, { count: numbers.length, numbers }));
      },
      Talk: (call: ServerDuplexStream<Order, Order>) => {
        calls.push('Talk');
        call.on('data', (order: Order) => call.write(order) || (call.pause(), call.once('drain', () => call.resume())));
        call.on('end', () => call.end());
        call.on('error', () => {});
      },
    });
    server.addService(HEALTH, { Check: (_call: unknown, done: sendUnaryData<{ status: number }>) => done(null, { status: 1 }) });
    new ReflectionService(definition).addToServer(server);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', secured, (error, bound) => (error === null ? resolve(bound) : reject(error)));
    });
    return new Shop(server, port, calls);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

/** Writes within what the stream takes. */
export async function sendAll(call: NodeJS.EventEmitter & { write(order: Order): boolean; destroyed?: boolean }, count: number, size: number): Promise<void> {
  let wake = (): void => {};
  const go = (): void => wake();
  call.on('drain', go).on('close', go);
  for (let number = 1; number <= count && call.destroyed !== true; number++) {
    if (!call.write({ number, filling: Buffer.alloc(size, number) })) await new Promise<void>((resolve) => (wake = resolve));
  }
}

/** How a call ended for its client. */
export interface Ended {
  readonly code: number;
  readonly details: string;
  readonly numbers: readonly number[];
  readonly metadata: Metadata;
  readonly ms: number;
}
export type Kind = 'Place' | 'List' | 'Upload' | 'Talk';

/** A client of @grpc/grpc-js with one connection of its own. */
export class Buyer implements Disposable {
  readonly client: Client & Record<string, (...args: unknown[]) => unknown>;

  constructor(address: string, service: ServiceDefinition = SERVICE, secured = credentials.createInsecure()) {
    const Made = loadClient(service);
    this.client = new Made(address, secured, { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_retries': 0 }) as never;
  }
  /** Makes a call of the kind with so many messages of so many bytes; resolves with the numbers that came back, whatever the status. */
  call(kind: Kind, count = 1, size = 10, fields: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const began = performance.now();
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
    const deadline = { deadline: Date.now() + PATIENCE };
    return new Promise((resolve) => {
      const numbers: number[] = [];
      let head = new Metadata();
      const finish = ({ code, details, metadata: end }: StatusObject): void => {
        const all = new Metadata();
        all.merge(head);
        all.merge(end);
        resolve({ code, details, numbers, metadata: all, ms: performance.now() - began });
      };
      const single = (_error: unknown, receipt?: Receipt): void => void numbers.push(...(receipt?.numbers ?? []));
      const order = { number: 1, filling: Buffer.alloc(size, 1) };
      const asked = kind === 'List' ? [{ count, size }] : kind === 'Place' ? [order] : [];
      const answered = kind === 'Place' || kind === 'Upload' ? [single] : [];
      const call = this.client[kind]?.(...asked, metadata, deadline, ...answered) as ReturnType<Client['makeBidiStreamRequest']>;
      call.on('metadata', (given: Metadata) => (head = given));
      call.on('status', finish);
      call.on('error', () => {});
      if (kind === 'List' || kind === 'Talk') call.on('data', ({ number }: Order) => numbers.push(number));
      if (kind === 'Upload' || kind === 'Talk') void sendAll(call as never, count, size).then(() => call.end());
    });
  }
  [Symbol.dispose](): void {
    this.client.close();
  }
}
function loadClient(service: ServiceDefinition): ServiceClientConstructor {
  const name = Object.values(service)[0]?.path.split('/')[1] ?? '';
  const made = loadPackageDefinition({ [name]: service } as never);
  return name.split('.').reduce((at, part) => (at as Record<string, unknown>)[part], made as unknown) as ServiceClientConstructor;
}
