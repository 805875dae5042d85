import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as dial, createServer } from 'node:net';
import { connectAsync, type MqttClient } from 'mqtt';
import { connect, type NatsConnection, StringCodec } from 'nats';
import { startMosquitto } from '../../lab/mosquitto.ts';
import { startNats } from '../../lab/nats.ts';
import { type Place, type Scene, soon } from './parts.ts';

/** Protocols that only their bytes are known of: a message so large that it is under way when the engine dies. */
const NARROW = { narrow: 'type: tcp, toxic: bandwidth, rate: 4, stream: upstream' };
/** Bytes; minutes at that rate. A NATS server takes up to 1 MiB. */
const LARGE = 900_000;
const large = (letter: string): string => letter.repeat(LARGE);
const shapeOf = (message: string): string => `${message[0]} ${message.length}`;
const text = StringCodec();

/** An upstream of the route that counts what it hands on to the server. */
class Counter implements Disposable {
  bytes = 0;
  readonly #port: number;
  readonly #server = createServer((near) => {
    const far = dial(this.#port, '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]] as const) one.on('error', () => {}).on('close', () => other.destroy());
    near.on('data', (bytes) => (this.bytes += bytes.length));
    near.pipe(far).pipe(near);
  });
  private constructor(port: number) {
    this.#port = port;
  }
  static async before({ port }: { readonly port: number }): Promise<Counter> {
    const counter = new Counter(port);
    await once(counter.#server.listen(0, '127.0.0.1'), 'listening');
    return counter;
  }
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  /** Resolves when a part of what is said from now on has passed. */
  async part(): Promise<void> {
    const before = this.bytes;
    await soon('a part of the message has passed', () => this.bytes > before + 100);
    assert.ok(this.bytes < before + LARGE);
  }
  [Symbol.dispose](): void {
    this.#server.close();
  }
}

export async function natsScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startNats());
  const counter = stack.use(await Counter.before(server));
  const direct = await connect({ servers: server.address });
  stack.defer(() => direct.close());
  const heard: string[] = [];
  direct.subscribe('news', { callback: (_error, { data }) => void heard.push(shapeOf(text.decode(data))) });
  await direct.flush();
  let client: NatsConnection;
  const answered: string[] = [];
  const moved = stack.move();
  return {
    route: `protocol: tcp, upstream: "${counter.address}"`,
    policies: NARROW,
    struck: async ({ address }: Place) => {
      client = await connect({ servers: address, reconnectTimeWait: 20, maxReconnectAttempts: -1, timeout: 60_000 });
      moved.defer(() => client.close());
      client.subscribe('echo', { callback: (_error, { data }) => void answered.push(text.decode(data)) });
      client.publish('news', text.encode('small'));
      await soon('what is small arrives', () => heard.length === 1);
      client.publish('news', text.encode(large('x')));
      await counter.part();
    },
    goesOn: async () => {
      await soon('its subscription is back', () => {
        direct.publish('echo', text.encode('hello'));
        return answered.includes('hello');
      });
      client.publish('news', text.encode(large('y')));
      await soon('what is large arrives', () => heard.at(-1) === `y ${LARGE}`);
      // The client may lose what was under way, as with any server that goes.
      assert.deepEqual(heard.filter((one) => one !== `x ${LARGE}`), ['s 5', `y ${LARGE}`], 'no half of a message');
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** QoS 2, by which a message arrives once. */
export async function mqttScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startMosquitto());
  const counter = stack.use(await Counter.before(server));
  const heard: string[] = [];
  const direct = await connectAsync(`mqtt://${server.address}`);
  stack.defer(() => direct.endAsync(true));
  direct.on('message', (_topic, payload) => void heard.push(shapeOf(payload.toString())));
  await direct.subscribeAsync('news', { qos: 2 });
  let client: MqttClient;
  let sent: Promise<unknown>;
  const moved = stack.move();
  return {
    route: `protocol: tcp, upstream: "${counter.address}"`,
    policies: NARROW,
    struck: async ({ address }: Place) => {
      client = await connectAsync(`mqtt://${address}`, { reconnectPeriod: 20, clean: false, clientId: 'shop' });
      moved.defer(() => client.endAsync(true));
      client.on('error', () => {});
      await client.publishAsync('news', 'small', { qos: 2 });
      await soon('what is small arrives', () => heard.length === 1);
      sent = client.publishAsync('news', large('x'), { qos: 2 });
      await counter.part();
    },
    goesOn: async () => {
      await sent;
      await client.publishAsync('news', large('y'), { qos: 2 });
      await soon('all have arrived', () => heard.length >= 3);
      assert.deepEqual(heard, ['s 5', `x ${LARGE}`, `y ${LARGE}`], 'each once, and whole');
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
