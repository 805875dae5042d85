import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type MongoClient, type MongoServerError } from 'mongodb';
import { type LabServer } from '../../lab/server.ts';
import { mongoMissing, startMongo } from '../../lab/mongo.ts';
import { type Front, startFront } from './front.ts';
import { ordersOf, refusal, Stage, until } from './stage.ts';

/** What FerretDB does not have of a real server is added by a front that stands before it; see front.ts. */
describe('what the official driver does with a replica set', { timeout: 300_000, skip: mongoMissing() }, () => {
  let server: LabServer;
  let front: Front;
  let stage: Stage;
  before(async () => {
    server = await startMongo();
    front = await startFront(server.address);
    stage = await Stage.to(front.address);
    await ordersOf(stage.client()).insertMany([1, 2, 3].map((_id) => ({ _id, total: _id * 10 })));
  });
  after(async () => {
    await stage[Symbol.asyncDispose]();
    await front[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    assert.deepEqual(stage.errors, []);
  });
  afterEach(() => stage.clear());

  for (const compressor of ['zlib', 'zstd'] as const) {
    it(`commands packed by ${compressor} are judged, refused and their results changed`, async () => {
      const client = stage.client({ compressors: [compressor] });
      const orders = ordersOf(client);
      front.seen.length = 0;
      assert.equal((await orders.find().toArray()).length, 3);
      assert.deepEqual(front.seen.filter(({ name }) => name === 'find').map(({ compressed }) => compressed), [true]);
      const { id } = await stage.add({ target: 'find', errorChance: 1, errorCode: 50 });
      assert.equal((await refusal(orders.findOne())).code, 50);
      await stage.add({ target: 'aggregate', errorChance: 1, extra: { failure: 'null-fields', fields: ['total'] } });
      assert.deepEqual(await orders.aggregate([{ $sort: { _id: 1 } }]).toArray(), [1, 2, 3].map((_id) => ({ _id, total: null })));
      const large = { _id: compressor, text: Array.from({ length: 200_000 }, (_, i) => i.toString(36)).join('') };
      await orders.insertOne(large);
      assert.equal((await orders.deleteOne({ _id: compressor })).deletedCount, 1);
      assert.equal(stage.wire.counters(id)?.matched, 1);
    });
  }

  it('a packed write that wants no answer is withheld, and what follows is answered', async () => {
    const client = stage.client({ compressors: ['zlib'], maxPoolSize: 1 });
    const silent = client.db('shop').collection<{ _id: number | string }>('orders', { writeConcern: { w: 0 } });
    const { id } = await stage.add({ target: 'insert', errorChance: 1 });
    await silent.insertOne({ _id: 'withheld' });
    await until(() => stage.wire.counters(id)?.errors === 1);
    await stage.clear();
    await silent.insertOne({ _id: 'written' });
    await stage.add({ target: 'find', errorChance: 1, errorCode: 50 });
    assert.notEqual(await silent.findOne(), null, 'nobody unpacked the write, so whether it will be answered is known only behind this');
    assert.equal((await refusal(silent.findOne())).code, 50);
    await stage.clear();
    const orders = ordersOf(client);
    assert.equal(await orders.findOne({ _id: 'withheld' }), null);
    assert.equal((await orders.deleteOne({ _id: 'written' })).deletedCount, 1);
  });

  const inTransaction = async (client: MongoClient, work: (insert: () => Promise<unknown>) => Promise<unknown>): Promise<number> => {
    let attempts = 0;
    await client.withSession((session) =>
      session.withTransaction(async () => {
        attempts++;
        await work(() => ordersOf(client).updateOne({ _id: 1 }, { $set: { total: 10 } }, { session }));
      }),
    );
    return attempts;
  };

  it('a transaction that fails inside is begun anew by the driver, and committed once', async () => {
    const client = stage.client();
    front.seen.length = 0;
    await stage.add({ target: 'update', errorChance: 1, errorCode: 112, everyNth: 2, nth: 1 });
    assert.equal(await inTransaction(client, (insert) => insert()), 2);
    const ends = front.seen.filter(({ name }) => name.endsWith('Transaction')).map(({ name }) => name);
    assert.deepEqual(ends, ['abortTransaction', 'commitTransaction']);
    assert.deepEqual(front.seen.filter(({ name }) => name === 'update').length, 1, 'the failed statement went nowhere');
  });

  it('nothing is cut or refused at the end of a transaction; it may be late', async () => {
    const client = stage.client();
    await stage.add({ target: 'all', dropConnection: true, when: 'mongo.transaction' });
    await stage.add({ target: 'commitTransaction', errorChance: 1, errorCode: 11_600 });
    assert.equal(await inTransaction(client, (insert) => insert()), 1);
    await stage.clear();
    const { id } = await stage.add({ target: 'commitTransaction', latencyChance: 1, latencyMs: 40 });
    assert.equal(await inTransaction(client, (insert) => insert()), 1);
    assert.equal(stage.wire.counters(id)?.latencies, 1);
  });

  it('an error inside without the label ends the transaction for good', async () => {
    await stage.add({ target: 'update', errorChance: 1, errorCode: 112, extra: { retryable: 'no' } });
    const error = await inTransaction(stage.client(), (insert) => insert()).then(() => undefined, (failed: unknown) => failed as MongoServerError);
    assert.deepEqual([error?.code, error?.codeName, error?.errorLabels], [112, 'WriteConflict', []]);
  });

  it('a streaming hello goes on under faults on everything', async () => {
    await stage.add({ target: 'all', errorChance: 1 });
    const client = stage.client({ serverMonitoringMode: 'stream', heartbeatFrequencyMS: 500 });
    let heard = 0;
    client.on('serverHeartbeatSucceeded', ({ awaited }) => void (awaited && heard++));
    await client.connect();
    const before = front.beats;
    await until(() => front.beats > before + 2 && heard > 2);
    await refusal(ordersOf(client).findOne());
    await stage.clear();
    assert.equal((await ordersOf(client).findOne({ _id: 2 }))?.['total'], 20);
  });

  it('a comment that is a document carries the trace through', async () => {
    const { id } = await stage.add({ target: 'find', errorChance: 1, when: "baggage['chaos'] == 'on'" });
    await refusal(ordersOf(stage.client()).find({}, { comment: { baggage: 'chaos=on' } as unknown as string }).toArray());
    assert.equal(stage.wire.counters(id)?.errors, 1);
  });
});
