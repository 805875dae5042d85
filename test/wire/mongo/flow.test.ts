import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type MongoClient } from 'mongodb';
import { createWire } from '../../../engine/wire/create.ts';
import { clientOf, mongoMissing, startMongo } from '../../lab/mongo.ts';
import { type LabServer } from '../../lab/server.ts';
import { Peer, Upstream } from '../parts.ts';
import { record } from '../record.ts';
import { PIECES, replay } from '../replay.ts';
import { FLAG, message, messagesIn } from './messages.ts';
import { ordersOf, Stage, until } from './stage.ts';

const LIMIT = { timeout: 300_000, skip: mongoMissing() };
const MEGABYTE = 1_000_000;

describe('bytes of the official driver and a real server', LIMIT, () => {
  let server: LabServer;
  before(async () => void (server = await startMongo()));
  after(() => server[Symbol.asyncDispose]());

  /** Everything that an application does in a day. */
  async function day(client: MongoClient): Promise<void> {
    const orders = ordersOf(client);
    await orders.insertMany(Array.from({ length: 60 }, (_, i) => ({ _id: i, total: i, text: 'x'.repeat(i % 8) })));
    assert.equal((await orders.find({}, { batchSize: 20 }).toArray()).length, 60);
    await orders.updateMany({ total: { $gt: 49 } }, { $set: { paid: true } });
    assert.equal((await orders.aggregate([{ $match: { paid: true } }, { $count: 'n' }]).toArray())[0]?.['n'], 10);
    await assert.rejects(orders.insertOne({ _id: 1 }), { code: 11_000 });
    await client.db('shop').collection('users').createIndex({ name: 1 });
    await orders.deleteMany({});
    await client.db('admin').command({ ping: 1 });
  }

  it('cross a route unchanged in pieces of any size', async () => {
    await using recorder = await record(server.port);
    {
      await using client = clientOf(`127.0.0.1:${recorder.port}`, { maxPoolSize: 1 });
      await day(client);
    }
    // One connection for the commands; the others watch whether the server is well.
    const [turns = []] = recorder.conversations.toSorted((a, b) => b.length - a.length);
    assert.ok(turns.length > 20);
    for (const piece of PIECES) await replay('mongo', turns, piece);
  });

  it('go through a whole day while every command is judged', async () => {
    await using stage = await Stage.to(server.address);
    const { id } = await stage.add({ target: 'shop.*', latencyChance: 1, latencyMs: 1, when: "mongo.collection != ''" });
    await day(stage.client({ maxPoolSize: 1 }));
    const { matched, latencies } = stage.wire.counters(id) ?? {};
    assert.ok(matched !== undefined && matched >= 8 && latencies === matched, `${latencies} of ${matched}`);
    assert.equal(stage.wire.routeCounters()[0]?.notUnderstood, 0);
  });

  it('of many clients at once find their faults, and nothing else', async () => {
    await using stage = await Stage.to(server.address, 2);
    const { id } = await stage.add({ target: 'find', errorChance: 0.5, errorCode: 50 });
    const orders = ordersOf(stage.client({ maxPoolSize: 16 }));
    const found = await Promise.all(Array.from({ length: 400 }, () => orders.findOne({ _id: -1 }).then(() => 0, () => 1)));
    const failed = found.reduce<number>((sum, one) => sum + one, 0);
    assert.deepEqual([stage.wire.counters(id)?.matched, stage.wire.counters(id)?.errors], [400, failed]);
    assert.ok(failed > 140 && failed < 260, `${failed} of 400`);
  });

  it('go on for the same client when the engine dies and another relay takes its place', async () => {
    await using stage = await Stage.to(server.address);
    await using client = clientOf(stage.address);
    const orders = ordersOf(client);
    const { id } = await stage.add({ target: 'find', latencyChance: 1, latencyMs: 600_000 });
    const held = orders.findOne({ _id: -1 });
    await until(() => stage.wire.counters(id)?.matched === 1);
    await stage.wire.close(['r']);
    await using next = createWire();
    await next.open([{ name: 'relay', protocol: 'tcp', listen: stage.address, upstream: server.address }]);
    assert.equal(await held, null, 'retried by the driver');
    assert.equal(await orders.countDocuments(), 0);
  });
});

describe('large messages', { timeout: 300_000 }, () => {
  const large = (size: number): Buffer => message({ insert: 'orders', $db: 'shop' }, { id: 7, sequence: { name: 'documents', documents: [{ x: Buffer.alloc(size, 1) }] } });

  it('of 40 MB are streamed while every command is judged; a slow server slows the client, and little is held', async () => {
    await using upstream = await Upstream.start();
    await using stage = await Stage.to(upstream.address);
    await stage.add({ target: 'find', errorChance: 1 });
    using client = await Peer.to(stage.address);
    const bytes = large(15 * MEGABYTE);
    client.write(bytes.subarray(0, 300));
    const server = await upstream.next();
    server.socket.pause();
    for (let at = 300; at < bytes.length; at += 65_536) client.write(bytes.subarray(at, at + 65_536));
    // Held back by the sockets: most of it has not left the client.
    await until(() => client.socket.writableLength > 0);
    server.socket.resume();
    await server.has(bytes.length);
    assert.ok(server.received.equals(bytes));
    for (let n = 0; n < 2; n++) client.write(bytes);
    await server.has(3 * bytes.length);
  });

  it('that are refused go nowhere, and their connection goes on', async () => {
    await using upstream = await Upstream.start();
    await using stage = await Stage.to(upstream.address);
    await stage.add({ target: 'insert', errorChance: 1, errorCode: 50 });
    using client = await Peer.to(stage.address);
    client.write(large(10 * MEGABYTE));
    client.write(message({ find: 'orders', $db: 'shop' }, { id: 8 }));
    const server = await upstream.next();
    await server.has(1);
    assert.deepEqual(messagesIn(server.received).map(({ id }) => id), [8]);
    server.write(message({ ok: 1 }, { to: 8 }));
    await client.until(() => client.received.includes(Buffer.from(message({ ok: 1 }, { to: 8 }))), 'the answer');
    assert.deepEqual(messagesIn(client.received).map(({ to }) => to), [7, 8]);
  });

  it('encrypted from the first byte pass, and the route says that it does not understand them', async () => {
    await using upstream = await Upstream.start();
    await using stage = await Stage.to(upstream.address);
    await stage.add({ target: 'all', errorChance: 1 });
    using client = await Peer.to(stage.address);
    const hello = Buffer.from(`16030100c8010000c40303${'5a'.repeat(200)}`, 'hex');
    client.write(hello);
    const server = await upstream.next();
    await server.has(hello.length);
    server.write(hello);
    await client.has(hello.length);
    assert.ok(server.received.equals(hello) && client.received.equals(hello));
    assert.equal(stage.wire.routeCounters()[0]?.notUnderstood, 1);
  });

  it('that want no answer are not waited for', async () => {
    await using upstream = await Upstream.start();
    await using stage = await Stage.to(upstream.address);
    using client = await Peer.to(stage.address);
    const write = message({ insert: 'orders', $db: 'shop' }, { id: 1, flags: FLAG.moreToCome, sequence: { name: 'documents', documents: [{ a: 1 }] } });
    client.write(write);
    const server = await upstream.next();
    await server.has(write.length);
    await stage.add({ target: 'find', errorChance: 1, errorCode: 50 });
    client.write(message({ find: 'orders', $db: 'shop' }, { id: 2 }));
    await client.has(1);
    assert.equal(messagesIn(client.received)[0]?.document['code'], 50);
    assert.equal(server.length, write.length);
  });
});
