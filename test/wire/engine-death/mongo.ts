import assert from 'node:assert/strict';
import { type FindCursor, type MongoClient, type MongoServerError } from 'mongodb';
import { clientOf, startMongo } from '../../lab/mongo.ts';
import { ordersOf, type Order } from '../mongo/stage.ts';
import { again, type Place, type Scene } from './parts.ts';

/** An insert of several documents that is held, and a cursor of which the first batch has been read. */
export async function mongoScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startMongo());
  const direct = clientOf(server.address);
  stack.defer(() => direct.close());
  const orders = Array.from({ length: 5 }, (_, n) => ({ _id: n, total: n }));
  await ordersOf(direct).insertMany(orders);
  const late = direct.db('shop').collection('late');
  let client: MongoClient;
  let inserted: Promise<unknown>;
  let cursor: FindCursor<Order>;
  const insert = (): Promise<unknown> => client.db('shop').collection('late').insertMany([{ n: 1 }, { n: 2 }]);
  const moved = stack.move();
  return {
    route: `protocol: mongo, upstream: "${server.address}"`,
    policies: {
      outage: 'type: mongo, target: find shop.sick, error_chance: 1, error_code: 8000, error_body: injected',
      held: 'type: mongo, target: insert shop.late, latency_chance: 1, latency_duration: 10m',
    },
    struck: async ({ address }: Place) => {
      client = clientOf(address);
      moved.defer(() => client.close());
      await assert.rejects(client.db('shop').collection('sick').findOne(), { code: 8000, message: 'injected' });
      cursor = ordersOf(client).find({}, { batchSize: 2, sort: { _id: 1 } });
      moved.defer(() => cursor.close());
      assert.deepEqual([await cursor.next(), await cursor.next()], orders.slice(0, 2));
      inserted = insert();
      inserted.catch(() => {});
    },
    goesOn: async () => {
      // The driver tries a write once more by itself.
      await inserted;
      assert.equal(await late.countDocuments(), 2, 'what was held is written once');
      assert.equal(await again('the route passes again', () => client.db('shop').collection('sick').findOne()), null);
      const rest = await cursor.toArray().catch((error: MongoServerError) => error.code);
      // Some servers (FerretDB) end a cursor with its connection: 43, CursorNotFound. None may go on at another place.
      if (rest !== 43) assert.deepEqual(rest, orders.slice(2));
      await insert();
      assert.equal(await late.countDocuments(), 4);
      assert.deepEqual(await ordersOf(client).find({}, { batchSize: 2, sort: { _id: 1 } }).toArray(), orders);
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
