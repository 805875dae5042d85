import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Collection, type MongoClient, MongoServerError } from 'mongodb';
import { clientOf, mongoMissing, startMongo } from '../../../test/lab/mongo.ts';
import { faultLife, faultRequest, onWire } from '../../../test/support/fault-life.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { createWire } from '../../wire/create.ts';
import { mongoInjector } from './injector.ts';
import { mongoManifest, type MongoParams } from './manifest.ts';

const ROUTES = [{ name: 'orders', protocol: 'mongo' as const, listen: '127.0.0.1:0', upstream: '127.0.0.1:1' }];
const requestOf = (fields: Record<string, unknown>, over: Partial<FaultRequest<MongoParams>> = {}): FaultRequest<MongoParams> =>
  faultRequest(mongoManifest, fields, { target: 'find', routes: ROUTES, ignored: ['create', 'createIndexes', 'drop', 'collMod'], ...over });

describe('the mongo fault on real traffic', { timeout: 300_000, skip: mongoMissing() }, () => {
  const stack = new AsyncDisposableStack();
  let client: MongoClient;
  let orders: Collection;
  let injector: ReturnType<typeof mongoInjector>;
  before(async () => {
    const server = stack.use(await startMongo());
    const wire = stack.use(createWire());
    const [route] = await wire.open(ROUTES.map((one) => ({ ...one, upstream: server.address })));
    client = clientOf(route?.listen ?? '', { retryReads: false, retryWrites: false });
    stack.defer(() => client.close());
    orders = client.db('shop').collection('orders');
    await orders.insertMany([{ total: 1, to: { city: 'a' } }, { total: 2, to: { city: 'b' } }, { total: 3, to: { city: 'c' } }]);
    injector = mongoInjector(onWire(wire));
  });
  after(() => stack.disposeAsync());

  /** Proves that the same command is answered afterwards as it was before. */
  const during = async (request: FaultRequest<MongoParams>, act: () => Promise<void>): Promise<Effect> => {
    const untouched = await orders.find().toArray();
    const effect = await faultLife(injector, request, act);
    assert.deepEqual(await orders.find().toArray(), untouched);
    return effect;
  };
  const failed = (work: Promise<unknown>): Promise<unknown> => work.then(() => undefined, (error: unknown) => error);

  it('answers with the error, and measures it', async () => {
    const effect = await during(requestOf({ errorChance: 1, errorCode: 11_600, errorBody: 'going down' }), async () => {
      const error = await failed(orders.findOne());
      assert.ok(error instanceof MongoServerError);
      assert.deepEqual([error.code, error.codeName, error.message], [11_600, 'InterruptedAtShutdown', 'going down']);
    });
    assert.deepEqual(effect.figures, [{ name: 'error rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]);
    assert.equal(effect.bitten, true);
  });

  it('puts the labels of the file on it', async () => {
    await during(requestOf({ errorChance: 1, errorLabels: 'NoWritesPerformed, Mine' }), async () => {
      assert.deepEqual(((await failed(orders.findOne())) as MongoServerError).errorLabels, ['NoWritesPerformed', 'Mine']);
    });
  });

  it('delays, and measures by how much', async () => {
    const effect = await during(requestOf({ latencyChance: 1, latencyDuration: '40ms' }, { target: 'shop.orders' }), async () => {
      await orders.findOne();
    });
    assert.equal(effect.bitten, true, effect.detail);
    assert.ok((effect.figures[0]?.delivered ?? 0) >= 40);
  });

  it('cuts connections', async () => {
    const effect = await during(requestOf({ dropConnection: true }), async () => {
      assert.match(String(await failed(orders.findOne())), /ECONNRESET/);
    });
    assert.deepEqual(effect.figures, [{ name: 'drop rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]);
  });

  it('corrupts results: documents removed, fields null', async () => {
    const removed = await during(requestOf({ errorChance: 1, failure: 'remove-documents', documentShare: 0.5 }, { target: 'aggregate' }), async () => {
      assert.deepEqual((await orders.aggregate([{ $sort: { total: 1 } }]).toArray()).map(({ total }) => total as unknown), [2]);
    });
    assert.equal(removed.figures[0]?.name, 'corruption rate');
    assert.match(removed.detail, /1 answered with fewer documents/);
    await during(requestOf({ errorChance: 1, failure: 'null-fields', fields: 'to.city' }), async () => {
      const found = await orders.find({}, { projection: { _id: 0 } }).sort({ total: 1 }).toArray();
      assert.deepEqual(found, [1, 2, 3].map((total) => ({ total, to: { city: null } })));
    });
  });

  it('says why it has not bitten', async () => {
    const silent = await during(requestOf({ errorChance: 1 }, { target: 'nothing' }), async () => {});
    assert.equal(silent.bitten, false);
    assert.equal(silent.detail, 'no command reached route orders nothing; check that clients stay on the route (directConnection=true)');
    const without = await during(requestOf({ errorChance: 1, failure: 'remove-documents' }, { target: 'count' }), async () => {
      await client.db('shop').command({ count: 'orders' });
    });
    assert.deepEqual([without.bitten, without.detail], [false, '1 command reached route orders count, but none has been answered with fewer documents yet']);
  });
});

describe('the fields of a mongo policy', () => {
  const message = (fields: Record<string, unknown>): string | undefined => mongoManifest.params.safeParse(fields).error?.issues[0]?.message;
  it('says what is wrong', () => {
    assert.match(message({ failure: 'explode' }) ?? '', /^expected command, write/);
    assert.match(message({ retryable: true }) ?? '', /^expected as-server, yes or no/);
    assert.match(message({ matchHeaders: { a: 'b' } }) ?? '', /carry none/);
    assert.equal(mongoManifest.check?.(mongoManifest.params.parse({ documentShare: 0 }))[0]?.field, 'documentShare');
    assert.equal(mongoManifest.check?.(mongoManifest.params.parse({ everyNth: 2, nth: 3 }))[0]?.field, 'nth');
  });
  it('says in words what will happen', () => {
    const said = (fields: Record<string, unknown>, target = 'all'): string => mongoManifest.explain(mongoManifest.params.parse(fields), target);
    assert.equal(said({ errorChance: 1, failure: 'remove-documents' }), 'Answers all MongoDB commands with results that lack documents.');
    assert.match(said({ errorChance: 0.5, when: "mongo.collection == 'orders'" }, 'find'), /^Answers 50 % of find commands with a command error\. Only where mongo\.collection/);
  });
});
