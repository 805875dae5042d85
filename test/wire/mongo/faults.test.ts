import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type CommandStartedEvent, MongoBulkWriteError, type MongoClient, MongoNetworkError, MongoServerError } from 'mongodb';
import type { TrafficLine } from '../../../engine/contract/room.ts';
import { mongoMissing } from '../../lab/mongo.ts';
import { ordersOf, refusal, type Stage, stageOnMongo, until } from './stage.ts';

/** Longer than any test may last: whoever waits for it was not let go. */
const FOREVER = 600_000;
const DOCUMENTS = [{ _id: 1, total: 10 }, { _id: 2, total: 20 }, { _id: 3, total: 30 }];

describe('faults seen by the official driver', { timeout: 300_000, skip: mongoMissing() }, () => {
  let lab: Awaited<ReturnType<typeof stageOnMongo>>;
  let stage: Stage;
  let client: MongoClient;
  let sent: string[];
  before(async () => {
    lab = await stageOnMongo();
    stage = lab.stage;
    client = stage.client({ monitorCommands: true });
    client.on('commandStarted', ({ commandName }: CommandStartedEvent) => void sent?.push(commandName));
    await ordersOf(lab.direct).insertMany(DOCUMENTS);
    await lab.direct.db('shop').collection('users').insertOne({ name: 'a' });
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
    assert.deepEqual(stage.errors, []);
  });
  /** Every test proves that it leaves nothing behind: without its policies, what it did works on the same connections. */
  afterEach(async () => {
    await stage.clear();
    const before = stage.wire.routeCounters()[0]?.faults;
    assert.equal(await ordersOf(client).countDocuments(), 3);
    assert.deepEqual(await ordersOf(client).find().sort({ _id: 1 }).toArray(), DOCUMENTS);
    assert.equal(stage.wire.routeCounters()[0]?.faults, before);
    assert.equal(stage.wire.routeCounters()[0]?.notUnderstood, 0);
  });
  const listening = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
    sent = [];
    await work().catch(() => {});
    return sent;
  };

  it('an error has code, name and text, and no label that its code does not have', async () => {
    const { id } = await stage.add({ target: 'find', errorChance: 1, errorCode: 50, errorBody: 'took too long' });
    const error = await refusal(ordersOf(client).find().toArray());
    assert.deepEqual([error.code, error.codeName, error.message, error.errorLabels], [50, 'MaxTimeMSExpired', 'took too long', []]);
    await ordersOf(client).countDocuments();
    assert.deepEqual([stage.wire.counters(id)?.matched, stage.wire.counters(id)?.errors], [1, 1]);
  });

  it('names and labels can be chosen; a code without a name is called as servers call it', async () => {
    await stage.add({ target: 'find', errorChance: 1, errorCode: 4_711, extra: { labels: ['SystemOverloadedError', 'NoWritesPerformed'] } });
    await stage.add({ target: 'count', errorChance: 1, extra: { codeName: 'OutOfCoffee' } });
    const error = await refusal(ordersOf(client).findOne());
    assert.deepEqual([error.codeName, error.message, error.errorLabels], ['Location4711', 'Location4711', ['SystemOverloadedError', 'NoWritesPerformed']]);
    const other = await refusal(client.db('shop').command({ count: 'orders' }));
    assert.deepEqual([other.code, other.codeName], [1, 'OutOfCoffee']);
  });

  it('a write that may be retried is retried once, and done once', async () => {
    await stage.add({ target: 'insert', errorChance: 1, errorCode: 89, everyNth: 2, nth: 1 });
    assert.deepEqual(await listening(() => ordersOf(client).insertOne({ _id: 'retried' })), ['insert', 'insert']);
    assert.deepEqual((await ordersOf(client).deleteOne({ _id: 'retried' })).deletedCount, 1);
  });

  it('whether the driver tries again is the policy\'s choice', async () => {
    const insert = (): Promise<readonly string[]> => listening(() => ordersOf(client).insertOne({ _id: 'never' }));
    await stage.add({ target: 'insert', errorChance: 1, errorCode: 89, extra: { retryable: 'no' } });
    assert.deepEqual(await insert(), ['insert'], 'without the label');
    await stage.clear();
    await stage.add({ target: 'insert', errorChance: 1, errorCode: 50 });
    assert.deepEqual(await insert(), ['insert'], 'a code that servers do not label');
    await stage.clear();
    await stage.add({ target: 'insert', errorChance: 1, errorCode: 50, extra: { retryable: 'yes' } });
    assert.deepEqual(await insert(), ['insert', 'insert']);
    const error = await refusal(ordersOf(client).insertOne({ _id: 'never' }));
    assert.deepEqual(error.errorLabels, ['RetryableWriteError']);
    await stage.add({ target: 'update', errorChance: 1, errorCode: 50, extra: { retryable: 'yes' } });
    const many = await refusal(ordersOf(client).updateMany({}, { $set: { total: 0 } }));
    assert.deepEqual(many.errorLabels, [], 'a write that servers do not number cannot be retried');
  });

  it('a read is retried by its code', async () => {
    await stage.add({ target: 'find', errorChance: 1, errorCode: 6, everyNth: 2, nth: 1 });
    assert.deepEqual(await listening(() => ordersOf(client).find().toArray()), ['find', 'find']);
  });

  it('a write error concerns the first write of its command', async () => {
    await stage.add({ target: 'orders', errorChance: 1, errorCode: 11_000, errorBody: 'duplicate', extra: { failure: 'write' } });
    const error = await ordersOf(client).insertMany([{ _id: 8 }, { _id: 9 }]).then(() => undefined, (failed: unknown) => failed);
    assert.ok(error instanceof MongoBulkWriteError);
    assert.deepEqual([error.code, error.insertedCount, error.result.getWriteErrorAt(0)?.errmsg], [11_000, 0, 'duplicate']);
    for (const write of [ordersOf(client).updateOne({ _id: 1 }, { $set: { total: 0 } }), ordersOf(client).deleteOne({ _id: 1 })]) {
      const failed = await refusal(write);
      assert.deepEqual([failed.code, failed.message], [11_000, 'duplicate']);
    }
    const read = await refusal(ordersOf(client).findOne());
    assert.deepEqual([read.code, read.codeName], [11_000, 'DuplicateKey'], 'what writes nothing fails as a whole');
  });

  it('a write concern error comes after the write', async () => {
    const { id } = await stage.add({ target: 'orders', errorChance: 1, errorCode: 64, extra: { failure: 'write-concern' } });
    const error = await ordersOf(client).insertOne({ _id: 'written' }).then(() => undefined, (failed: unknown) => failed);
    assert.ok(error instanceof MongoServerError);
    assert.match(`${error.message} ${JSON.stringify(error.errorResponse)}`, /WriteConcernFailed/);
    assert.equal(stage.wire.counters(id)?.errors, 1);
    await stage.clear();
    assert.equal((await ordersOf(client).deleteOne({ _id: 'written' })).deletedCount, 1);
  });

  it('a drop is a reset: reads are retried on a new connection, or fail with a network error', async () => {
    const { id } = await stage.add({ target: 'find', dropConnection: true, everyNth: 2, nth: 1 });
    assert.deepEqual(await listening(() => ordersOf(client).findOne()), ['find', 'find']);
    assert.equal(stage.wire.counters(id)?.drops, 1);
    await stage.clear();
    await stage.add({ target: 'find', dropConnection: true });
    const once = stage.client({ retryReads: false });
    const error = await ordersOf(once).findOne().then(() => undefined, (failed: unknown) => failed);
    assert.ok(error instanceof MongoNetworkError, String(error));
    assert.match(error.message, /ECONNRESET/);
  });

  it('a delay lasts as long as asked, and an unacknowledged write is delayed with the rest', async () => {
    const { id } = await stage.add({ target: 'shop.orders', latencyChance: 1, latencyMs: 60 });
    const start = performance.now();
    await ordersOf(client).findOne();
    assert.ok(performance.now() - start >= 59);
    assert.equal(stage.wire.counters(id)?.latencies, 1);
  });

  it('an unacknowledged write that fails is withheld, and its connection goes on', async () => {
    const { id } = await stage.add({ target: 'insert', errorChance: 1 });
    const silent = ordersOf(stage.client({ writeConcern: { w: 0 }, maxPoolSize: 1 }));
    await silent.insertOne({ _id: 'unseen' });
    await until(() => stage.wire.counters(id)?.errors === 1);
    assert.equal(await silent.countDocuments(), 3, 'on the same connection, behind the write');
  });

  it('takes a command, a collection, a database, or one on the other, and nothing else', async () => {
    const users = client.db('shop').collection('users');
    const fails = async (work: Promise<unknown>): Promise<boolean> => work.then(() => false, () => true);
    const seen = async (): Promise<boolean[]> => [
      await fails(ordersOf(client).findOne()), await fails(ordersOf(client).countDocuments()), await fails(users.findOne()), await fails(client.db('other').collection('orders').findOne()),
    ];
    for (const [target, expected] of [
      ['find', [true, false, true, true]], ['aggregate', [false, true, false, false]], ['orders', [true, true, false, true]],
      ['shop.orders', [true, true, false, false]], ['shop.*', [true, true, true, false]], ['find shop.orders', [true, false, false, false]],
      ['all', [true, true, true, true]],
    ] as const) {
      await stage.add({ target, errorChance: 1 });
      assert.deepEqual(await seen(), expected, target);
      await stage.clear();
    }
    await stage.add({ target: 'all', errorChance: 1, when: "mongo.command == 'find' && mongo.collection == 'users' && mongo.database == 'shop' && !mongo.transaction" });
    assert.deepEqual(await seen(), [false, false, true, false], 'a condition');
  });

  it('never touches the handshake, the heartbeat, or what is protected', async () => {
    const { id } = await stage.add({ target: 'all', errorChance: 1, ignored: ['create', 'createIndexes', 'drop', 'collMod'] });
    const fresh = stage.client({ heartbeatFrequencyMS: 500 });
    assert.deepEqual(await fresh.db('admin').command({ ping: 1 }), { ok: 1 });
    assert.equal((await fresh.db('admin').command({ hello: 1 }))['ok'], 1);
    assert.equal(await ordersOf(fresh).createIndex({ total: 1 }), 'total_1');
    await ordersOf(fresh).dropIndex('total_1');
    assert.equal(stage.wire.counters(id)?.matched, 0);
    await refusal(ordersOf(fresh).findOne());
  });

  it('a command can be followed by the trace in its comment', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { id } = await stage.add({ target: 'find', errorChance: 1, when: "baggage['chaos'] == 'on' || trace.id == '0af7651916cd43dd8448eb211c80319c'" });
    const find = (comment?: unknown): Promise<unknown> => ordersOf(client).find({}, comment === undefined ? {} : { comment: comment as string }).toArray();
    await find();
    await find('anything');
    assert.equal(stage.wire.counters(id)?.matched, 0);
    await refusal(find({ baggage: 'chaos=on,tier=free' }));
    await refusal(find({ traceparent }));
    await refusal(find(traceparent));
    await refusal(find(`/*traceparent='${traceparent}',baggage='chaos%3Doff'*/`));
    await find(`baggage='chaos%3Doff'`);
  });

  it('tells what it did to which command, by its shape', async () => {
    const lines: TrafficLine[] = [];
    using _listening = stage.wire.listen(false, (batch) => void lines.push(...batch.lines));
    await stage.add({ name: 'slow', target: 'update', latencyChance: 1, latencyMs: 1 });
    await stage.add({ name: 'bad', target: 'find', errorChance: 1, errorCode: 50 });
    await ordersOf(client).updateOne({ _id: 1 }, { $set: { total: 10 } });
    await refusal(ordersOf(client).find({ secret: 4_111 }, { comment: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }).toArray());
    await until(() => lines.length >= 2);
    const [late, failed] = lines;
    assert.deepEqual([late?.action, late?.policy, late?.method, late?.target], ['latency', 'slow', 'update', 'shop.orders']);
    assert.deepEqual([failed?.action, failed?.policy, failed?.status, failed?.traceId], ['error', 'bad', 50, '0af7651916cd43dd8448eb211c80319c']);
    assert.equal(failed?.head, '{ find: "orders", filter: { secret: ? }, comment: ?, $db: "shop" }');
  });

  it('HALT and the removal of a policy let go of what is held; the connection goes on', async () => {
    for (const release of [() => stage.wire.halt(), () => stage.clear()]) {
      const { id } = await stage.add({ target: 'find', latencyChance: 1, latencyMs: FOREVER });
      const held = ordersOf(client).findOne({ _id: 1 });
      await until(() => stage.wire.counters(id)?.matched === 1);
      await release();
      assert.deepEqual(await held, DOCUMENTS[0]);
      await stage.clear();
    }
  });
});
