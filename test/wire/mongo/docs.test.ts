import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type MongoClient, MongoServerError } from 'mongodb';
import { mongoInjector } from '../../../engine/faults/mongo/injector.ts';
import { mongoManifest, type MongoParams } from '../../../engine/faults/mongo/manifest.ts';
import { ignoredPrefixes } from '../../../engine/policy/ignored.ts';
import { loadText } from '../../../engine/policy/load.ts';
import { CHANGE_LIMIT } from '../../../engine/wire/mongo/change.ts';
import { LOOK } from '../../../engine/wire/mongo/look.ts';
import { mongoMissing } from '../../lab/mongo.ts';
import { faultLife, faultRequest, onWire } from '../../support/fault-life.ts';
import { type Order, type Stage, stageOnMongo } from './stage.ts';

const page = readFileSync(join(import.meta.dirname, '../../../assets/docs/protocols/mongo.md'), 'utf8');
const [routes = '', policies = ''] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? '');
const loaded = loadText(`version: 1\n${routes}${policies}`, 'page.yaml');

describe('the page on MongoDB', () => {
  it('shows policies that load, and names every fact, failure and limit', () => {
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.deepEqual(loaded.file.policies.map(({ name }) => name), ['down', 'final', 'twice', 'unsure', 'slow', 'cut', 'holes', 'nulls']);
    assert.deepEqual([...page.matchAll(/`mongo\.(\w+)`/g)].map((match) => match[1]), Object.keys(mongoManifest.facts?.['mongo'] ?? {}));
    assert.deepEqual(
      new Set([...policies.matchAll(/failure: ([\w-]+)/g)].map((match) => match[1])),
      new Set(['write', 'write-concern', 'remove-documents', 'null-fields']),
    );
    assert.match(page, new RegExp(`above ${CHANGE_LIMIT / 2 ** 20} MiB`));
    assert.match(page, new RegExp(`first ${LOOK / 1_024} KiB`));
    assert.equal(/## Protected\n\n(.*?), with/s.exec(page)?.[1]?.replace(' and ', ', '), ignoredPrefixes(loaded.file, 'mongo').join(', '));
  });
});

describe('what the page on MongoDB shows', { timeout: 300_000, skip: mongoMissing() }, () => {
  let lab: Awaited<ReturnType<typeof stageOnMongo>>;
  let stage: Stage;
  let client: MongoClient;
  const orders = () => client.db('shop').collection<Order>('orders');
  before(async () => {
    lab = await stageOnMongo();
    stage = lab.stage;
    client = stage.client({ retryReads: false });
    await orders().insertMany([1, 2, 3, 4].map((_id) => ({ _id, total: _id, to: { city: 'c' } })));
  });
  after(() => lab[Symbol.asyncDispose]());

  /** What each policy of the page does to an application, once it strikes. */
  const expected: Readonly<Record<string, () => Promise<void>>> = {
    down: async () => assert.deepEqual((await failure(orders().findOne())).slice(0, 2), [11_600, 'going down']),
    final: async () => assert.deepEqual(await failure(orders().insertOne({ _id: 9 })), [89, 'NetworkTimeout', ['NoWritesPerformed']]),
    twice: async () => assert.deepEqual((await failure(orders().insertOne({ _id: 9 })))[0], 11_000),
    unsure: async () => {
      assert.deepEqual((await failure(orders().updateOne({ _id: 4 }, { $set: { total: 44 } })))[0], 64);
      assert.equal((await lab.direct.db('shop').collection<Order>('orders').findOne({ _id: 4 }))?.['total'], 44);
    },
    slow: async () => void (await orders().findOne()),
    cut: async () => assert.rejects(orders().findOne(), /ECONNRESET/),
    holes: async () => assert.deepEqual((await orders().aggregate([{ $sort: { _id: 1 } }]).toArray()).map(({ _id }) => _id as unknown), [2, 4]),
    nulls: async () => assert.deepEqual(await orders().findOne({ _id: 1 }), { _id: 1, total: null, to: { city: null } }),
  };
  const failure = async (work: Promise<unknown>): Promise<readonly unknown[]> => {
    const error = await work.then(() => undefined, (failed: unknown) => failed);
    assert.ok(error instanceof MongoServerError, String(error));
    return [error.code, error.message, error.errorLabels];
  };
  for (const policy of loaded.ok ? loaded.file.policies : []) {
    it(`${policy.name} does what is said of it`, async () => {
      const injector = mongoInjector(onWire(stage.wire));
      // Always rather than by chance.
      const params = { ...(policy.params as MongoParams), errorChance: policy.params['errorChance'] === 0 ? 0 : 1, latencyChance: policy.params['latencyChance'] === 0 ? 0 : 1 };
      const request = { ...faultRequest<MongoParams>(mongoManifest, {}, { target: policy.target, routes: [{ name: 'r', protocol: 'mongo', listen: '', upstream: '' }] }), params };
      const act = expected[policy.name];
      assert.ok(act);
      const effect = await faultLife(injector, request, act);
      assert.equal(effect.bitten, true, effect.detail);
    });
  }
  it('a replica set tells addresses behind the route', async () => {
    assert.deepEqual((await client.db('admin').command({ hello: 1 }))['hosts'], [`127.0.0.1:${lab.port}`]);
  });
});
