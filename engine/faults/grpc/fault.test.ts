import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { faultLife, faultRequest, figureOf, onWire } from '../../../test/support/fault-life.ts';
import { Buyer, HEALTH, Shop } from '../../../test/wire/grpc/parts.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { DEFAULT_IGNORED } from '../../policy/ignored.ts';
import { createWire } from '../../wire/create.ts';
import { grpcInjector } from './injector.ts';
import { grpcManifest, type GrpcParams } from './manifest.ts';

const ROUTES = [{ name: 'orders', protocol: 'grpc' as const, listen: '127.0.0.1:0', upstream: '127.0.0.1:1' }];
const requestOf = (fields: Record<string, unknown>, over: Partial<FaultRequest<GrpcParams>> = {}): FaultRequest<GrpcParams> =>
  faultRequest(grpcManifest, fields, { target: '/shop.Orders/*', routes: ROUTES, ignored: DEFAULT_IGNORED.grpc ?? [], ...over });

describe('the grpc fault on real traffic', { timeout: 300_000 }, () => {
  let shop: Shop;
  let wire: ReturnType<typeof createWire>;
  let address = '';
  before(async () => {
    shop = await Shop.start();
    wire = createWire();
    const [route] = await wire.open(ROUTES.map((one) => ({ ...one, upstream: shop.address })));
    address = route?.listen ?? '';
  });
  after(async () => {
    await wire[Symbol.asyncDispose]();
    await shop[Symbol.asyncDispose]();
  });

  /** Proves that calls on the same connection end afterwards as they did before. */
  const during = async (request: FaultRequest<GrpcParams>, act: (buyer: Buyer) => Promise<void>): Promise<Effect> => {
    using buyer = new Buyer(address);
    const untouched = async (): Promise<unknown> => [(await buyer.call('Place')).code, (await buyer.call('Talk', 5)).numbers];
    const before = await untouched();
    const effect = await faultLife(grpcInjector(onWire(wire)), request, () => act(buyer));
    assert.deepEqual(await untouched(), before, 'on the same connection');
    return effect;
  };

  it('ends calls with the status and the message', async () => {
    const effect = await during(requestOf({ errorChance: 1, errorCode: 5, errorBody: 'sold out' }), async (buyer) => {
      const ended = await buyer.call('Place');
      assert.deepEqual([ended.code, ended.details], [5, 'sold out']);
    });
    assert.deepEqual([effect.bitten, effect.detail], [true, '1 call reached route orders /shop.Orders/*: 1 answered with an error']);
  });

  it('takes 0 for UNAVAILABLE, and a target without its slash', async () => {
    await during(requestOf({ errorChance: 1, errorCode: 0 }, { target: 'shop.Orders/Place' }), async (buyer) => {
      assert.equal((await buyer.call('Place')).code, 14);
      assert.equal((await buyer.call('List')).code, 0);
    });
  });

  it('delays calls', async () => {
    const effect = await during(requestOf({ latencyChance: 1, latencyDuration: '80ms' }), async (buyer) => {
      assert.ok((await buyer.call('Talk', 3)).ms >= 80);
    });
    assert.ok((figureOf(effect, 'latency')?.delivered ?? 0) >= 80);
  });

  it('cuts connections', async () => {
    const effect = await during(requestOf({ dropConnection: true }), async (buyer) => assert.equal((await buyer.call('Place')).code, 14));
    assert.deepEqual(effect.figures, [{ name: 'drop rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]);
  });

  it('loses message 3 of each 100, as the file says it', async () => {
    const effect = await during(requestOf({ dropMessage: true, everyNth: 100, nth: 3, direction: 'to-client' }), async (buyer) => {
      assert.deepEqual((await buyer.call('Talk', 300)).numbers, Array.from({ length: 300 }, (_, i) => i + 1).filter((n) => n % 100 !== 3));
    });
    assert.equal(effect.detail, '300 messages reached route orders /shop.Orders/*: 3 left out');
    assert.deepEqual(effect.figures, [{ name: 'loss rate', unit: 'ratio', requested: 0.01, delivered: 0.01, samples: 300 }]);
  });

  it('delays single messages, and those of a whole stream', async () => {
    for (const streamRollMode of ['per-frame', 'stream']) {
      const fields = { streamRollMode, latencyChance: 1, latencyDuration: '20ms', direction: 'to-server' };
      const effect = await during(requestOf(fields), async (buyer) => {
        const ended = await buyer.call('Upload', 4);
        assert.ok(ended.ms >= 80, `${ended.ms} ms: each waits for the one before it`);
        assert.deepEqual(ended.numbers, [1, 2, 3, 4]);
      });
      assert.equal(figureOf(effect, 'latency')?.samples, 4);
    }
  });

  it('leaves the health service alone', async () => {
    using checker = new Buyer(address, HEALTH);
    await during(requestOf({ errorChance: 1 }, { target: 'all' }), async (buyer) => {
      const code = await new Promise((resolve) => void checker.client['Check']?.({ service: '' }, (error: { code: number } | null) => resolve(error?.code ?? 0)));
      assert.equal(code, 0);
      assert.equal((await buyer.call('Place')).code, 14);
    });
  });

  it('says what may be wrong with a target that nothing reaches', async () => {
    const effect = await during(requestOf({ errorChance: 1 }, { target: 'Orders.Place' }), async (buyer) => assert.equal((await buyer.call('Place')).code, 0));
    assert.deepEqual([effect.bitten, effect.detail], [false, 'no call reached route orders Orders.Place; a target is /package.Service/Method or /package.Service/*']);
  });
});

describe('the fields of a grpc policy', () => {
  const explain = (fields: Record<string, unknown>, target = '/shop.Orders/*'): string => grpcManifest.explain(grpcManifest.params.parse(fields), target);
  const sentences: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ errorChance: 0.1, latencyChance: 1, latencyDuration: '1s' }, 'Delays all calls of /shop.Orders/* by 1s, answers 10 % of them with status 14.'],
    [{ dropMessage: true, everyNth: 100, nth: 3 }, 'Leaves out all messages in calls of /shop.Orders/*. Of these only the 3rd of each 100.'],
    [{ dropMessage: true, errorChance: 0.2, direction: 'to-client' }, 'Leaves out 20 % of the messages to the client in calls of /shop.Orders/*.'],
    [{ streamRollMode: 'per-frame', errorChance: 0.1, errorCode: 8, latencyChance: 0.5, latencyDuration: '20ms' }, 'Ends calls with status 8 at 10 % of the messages in calls of /shop.Orders/*, delays 50 % of the others by 20ms, with those behind them.'],
    [{ streamRollMode: 'stream', dropConnection: true }, 'Cuts the connection at all messages in calls of /shop.Orders/* that the dice choose.'],
    [{}, 'Leaves calls of /shop.Orders/* as they are.'],
  ];
  for (const [fields, text] of sentences) it(text, () => assert.equal(explain(fields), text));

  const wrong: readonly (readonly [Record<string, unknown>, readonly string[]])[] = [
    [{ dropMessage: true }, []],
    [{ dropMessage: true, streamRollMode: 'stream', direction: 'to-server' }, []],
    [{ dropMessage: true, streamRollMode: 'per-call' }, ['dropMessage']],
    [{ dropMessage: true, dropConnection: true }, ['dropMessage']],
    [{ direction: 'to-client', errorChance: 1 }, ['direction']],
    [{ nth: 3 }, ['nth']],
  ];
  for (const [fields, found] of wrong) {
    it(`finds ${found.length === 0 ? 'nothing' : found.join()} wrong with ${JSON.stringify(fields)}`, () => {
      assert.deepEqual(grpcManifest.check?.(grpcManifest.params.parse(fields)).map(({ field }) => field), found);
    });
  }
  it('weighs lost messages like errors', () => {
    const parse = (fields: Record<string, unknown>): GrpcParams => grpcManifest.params.parse(fields);
    assert.deepEqual([grpcManifest.noop(parse({ dropMessage: true })), grpcManifest.severity(parse({ dropMessage: true }))], [false, 1]);
    assert.equal(grpcManifest.severity(parse({ dropMessage: true, errorChance: 0.2 })), 0.2);
  });
});
