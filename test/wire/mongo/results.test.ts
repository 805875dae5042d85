import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type MongoClient, ObjectId } from 'mongodb';
import { mongoMissing } from '../../lab/mongo.ts';
import { type Order, type Stage, stageOnMongo } from './stage.ts';

const COUNT = 400;

describe('corrupted results seen by the official driver', { timeout: 300_000, skip: mongoMissing() }, () => {
  let lab: Awaited<ReturnType<typeof stageOnMongo>>;
  let stage: Stage;
  let client: MongoClient;
  const orders = () => client.db('shop').collection<Order>('orders');
  before(async () => {
    lab = await stageOnMongo();
    stage = lab.stage;
    client = stage.client();
    await lab.direct.db('shop').collection<Order>('orders').insertMany(
      Array.from({ length: COUNT }, (_, i) => ({ _id: i, total: i * 10, at: new Date(i), part: new ObjectId('6b016be579926b24d95ecc4c'), to: { city: `c${i}`, zip: 'z' }, lines: [{ sku: 'a', n: i }, { sku: 'b', n: i }] })),
    );
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    assert.deepEqual(stage.errors, []);
  });
  afterEach(async () => {
    await stage.clear();
    assert.equal((await orders().find({}, { batchSize: 100 }).toArray()).length, COUNT, 'whole again on the same connections');
  });
  const corrupt = (target: string, extra: Record<string, unknown>) => stage.add({ target, errorChance: 1, extra });
  const ids = (found: readonly Order[]): unknown[] => found.map(({ _id }) => _id);

  it('an aggregation loses half of its documents, in every batch of its cursor', async () => {
    const { id } = await corrupt('shop.orders', { failure: 'remove-documents', share: 0.5 });
    const found = await orders().aggregate<Order>([{ $sort: { _id: 1 } }], { batchSize: 100 }).toArray();
    assert.deepEqual(ids(found), Array.from({ length: COUNT / 2 }, (_, i) => i * 2 + 1));
    const { matched = 0, errors = 0 } = stage.wire.counters(id) ?? {};
    assert.ok(errors >= 4 && errors <= matched, `${errors} of ${matched} answers were changed`);
  });

  it('all of them may go, and a cursor still comes to its end', async () => {
    await corrupt('all', { failure: 'remove-documents', share: 1 });
    assert.deepEqual(await orders().aggregate([{ $match: {} }], { batchSize: 50 }).toArray(), []);
    assert.equal(await orders().countDocuments(), 0, 'a count is an aggregation, too');
    assert.equal(await orders().findOne(), null);
  });

  it('only the batches of one command may be meant', async () => {
    await corrupt('getMore', { failure: 'remove-documents', share: 1 });
    const found = await orders().find({}, { batchSize: 100, sort: { _id: 1 } }).toArray();
    assert.deepEqual(ids(found), Array.from({ length: 100 }, (_, i) => i));
  });

  it('fields are null, through documents and arrays; other values keep their types', async () => {
    await corrupt('find', { failure: 'null-fields', share: 1, fields: ['total', 'to.city', 'lines.n'] });
    assert.deepEqual(await orders().find({ _id: 7 }).toArray(), [
      { _id: 7, total: null, at: new Date(7), part: new ObjectId('6b016be579926b24d95ecc4c'), to: { city: null, zip: 'z' }, lines: [{ sku: 'a', n: null }, { sku: 'b', n: null }] },
    ]);
  });

  it('without names all fields but _id are null', async () => {
    await corrupt('find', { failure: 'null-fields', share: 0.5 });
    const found = await orders().find({ _id: { $lt: 2 } }, { sort: { _id: 1 }, projection: { total: 1, to: 1 } }).toArray();
    assert.deepEqual(found, [{ _id: 0, total: null, to: null }, { _id: 1, total: 10, to: { city: 'c1', zip: 'z' } }]);
  });

  it('a result too large to hold passes whole, and is not counted as changed', async () => {
    const large = { _id: 'large', text: 'x'.repeat(5_000_000) };
    await orders().insertOne(large);
    try {
      const { id } = await corrupt('find', { failure: 'null-fields', fields: ['text'] });
      assert.deepEqual(await orders().findOne({ _id: 'large' }), large);
      assert.deepEqual([stage.wire.counters(id)?.matched, stage.wire.counters(id)?.errors], [1, 0]);
    } finally {
      await stage.clear();
      await orders().deleteOne({ _id: 'large' });
    }
  });

  it('errors of the server are passed on as they are', async () => {
    await corrupt('aggregate', { failure: 'remove-documents', share: 1 });
    await assert.rejects(orders().aggregate([{ $nonsense: 1 }]).toArray(), /nonsense/);
  });
});
