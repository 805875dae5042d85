import { type Channel, type ChannelModel, type ConfirmChannel, connect, type ConsumeMessage } from 'amqplib';
import type { Wire } from '../../../engine/wire/wire.ts';
import { type Broker, startRabbitmq } from '../../lab/rabbitmq.ts';
import { policy, wireTo } from '../parts.ts';
import { RouteStage, routeTo } from '../stage.ts';

/** A RabbitMQ, a route to it, clients of both, and the policies of one test. */
export class RabbitStage extends RouteStage<Broker> {
  #clients: ChannelModel[] = [];
  #queues = 0;

  static async start(): Promise<RabbitStage> {
    return new RabbitStage(await routeTo('rabbitmq', startRabbitmq()));
  }
  /** A connection over the route, or past it; closed with the test. What it says went wrong is the test's to ask. */
  async client(address = this.address, options = ''): Promise<ChannelModel> {
    const client = await connect(`amqp://guest:guest@${address}${options}`);
    client.on('error', () => {});
    this.#clients.push(client);
    return client;
  }
  direct(): Promise<ChannelModel> {
    return this.client(this.server.address);
  }
  /** A wire of its own to the same broker, for a test that ends it. */
  async another(): Promise<{ wire: Wire; address: string; hold: (queue: string, latencyMs: number) => Promise<void> }> {
    const { wire, address } = await wireTo(this.server.address, { protocol: 'rabbitmq' });
    this.stack.use(wire);
    return { wire, address, hold: (target, latencyMs) => wire.add(policy({ protocol: 'rabbitmq', target, latencyChance: 1, latencyMs })) };
  }
  /** A name that no other test has. */
  queue(): string {
    return `orders-${++this.#queues}`;
  }
  /**
   * What is left in a queue once nobody holds any of it: as the clients are gone, what they had not settled is back. RabbitMQ
   * itself forgets acks that the end of a connection follows closely: let a client ask something before.
   */
  async left(queue: string): Promise<string[]> {
    await this.disconnect();
    const client = await this.direct();
    const channel = await client.createChannel();
    const { messageCount } = await channel.checkQueue(queue);
    const bodies: string[] = [];
    for (let n = 0; n < messageCount; n++) bodies.push(textOf(await channel.get(queue, { noAck: true })));
    return bodies;
  }
  override async clear(): Promise<void> {
    await super.clear();
    await this.disconnect();
  }
  async disconnect(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close().catch(() => {})));
  }
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
    await super[Symbol.asyncDispose]();
  }
}

export const textOf = (message: { content: Buffer } | false | null): string => (message === false || message === null ? '' : message.content.toString());
/** The numbers from 1 to n, as text. */
export const numbers = (n: number): string[] => Array.from({ length: n }, (_, index) => String(index + 1));

/** A channel whose errors are kept for the test instead of ending the process. */
export function watched<Kind extends Channel>(channel: Kind): { channel: Kind; closed: Promise<{ code: number; message: string } | undefined> } {
  let failure: { code: number; message: string } | undefined;
  channel.on('error', (error: Error & { code: number }) => (failure = { code: error.code, message: error.message }));
  return { channel, closed: new Promise((resolve) => channel.once('close', () => resolve(failure))) };
}

/** Collects what a consumer gets, and wakes whoever waits for enough of it. */
export class Inbox {
  readonly messages: ConsumeMessage[] = [];
  #wake: (() => void)[] = [];
  readonly #settle: (message: ConsumeMessage) => void;

  constructor(settle: (message: ConsumeMessage) => void = () => {}) {
    this.#settle = settle;
  }
  readonly take = (message: ConsumeMessage | null): void => {
    if (message === null) return;
    this.messages.push(message);
    this.#settle(message);
    for (const wake of this.#wake.splice(0)) wake();
  };
  get texts(): string[] {
    return this.messages.map(textOf);
  }
  async until(condition: (texts: string[]) => boolean): Promise<string[]> {
    while (!condition(this.texts)) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.texts;
  }
  async has(count: number): Promise<string[]> {
    while (this.messages.length < count) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.texts;
  }
}

/** Publishes and waits until the broker has confirmed each; resolves with the numbers, from 1, that it refused. */
export async function publishAll(channel: ConfirmChannel, queue: string, bodies: readonly string[], options = {}): Promise<number[]> {
  const refused: number[] = [];
  await Promise.all(
    bodies.map(
      (body, index) =>
        new Promise<void>((resolve) =>
          channel.sendToQueue(queue, Buffer.from(body), options, (error: unknown) => {
            if (error !== null) refused.push(index + 1);
            resolve();
          }),
        ),
    ),
  );
  return refused;
}
