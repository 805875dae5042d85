import { type Collection, type Document, MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb';
import { clientOf, startMongo } from '../../lab/mongo.ts';
import { RouteStage, routeTo } from '../stage.ts';

/** Documents whose `_id` is a plain number or text. */
export interface Order extends Document {
  readonly _id: number | string;
}

/** A route to an upstream, clients on it, and the policies of one test. */
export class Stage extends RouteStage<unknown> {
  static async to(address: string, workers?: number): Promise<Stage> {
    return new Stage(await routeTo('mongo', Promise.resolve({ address, [Symbol.asyncDispose]: async () => {} }), workers));
  }
  /** A client of the route that is closed with the stage. Nothing that it sends depends on time. */
  client(options: MongoClientOptions = {}): MongoClient {
    const client = clientOf(this.address, { heartbeatFrequencyMS: 600_000, serverMonitoringMode: 'poll', ...options });
    this.stack.defer(() => client.close());
    return client;
  }
}

/** A real server, a route to it and a client of that. */
export async function stageOnMongo(): Promise<{ stage: Stage; direct: MongoClient; port: number } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startMongo());
  const direct = clientOf(server.address);
  stack.defer(() => direct.close());
  const stage = stack.use(await Stage.to(server.address));
  const moved = stack.move();
  return { stage, direct, port: server.port, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

export const ordersOf = (client: MongoClient): Collection<Order> => client.db('shop').collection<Order>('orders');

/** What the server, or whoever stood in for it, said was wrong. */
export async function refusal(work: Promise<unknown>): Promise<MongoServerError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MongoServerError) return error;
    throw error;
  }
  throw new Error('expected an error of the server');
}

/** Looks until it is so: counters change without an event. */
export async function until(condition: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 60_000; !condition(); ) {
    if (performance.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
