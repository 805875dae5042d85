import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import { RouteStage, routeTo } from '../stage.ts';
import { Buyer, type Kind, Shop } from './parts.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const without = (count: number, lost: (number: number) => boolean): number[] => numbers(count).filter((number) => !lost(number));
const LOSES = { errorChance: 1, extra: { dropMessage: true } };
/** Message 3 of each 100. */
const THIRD = { ...LOSES, everyNth: 100, nth: 3 };
const isThird = (number: number): boolean => number % 100 === 3;

describe('single messages, between two ends of @grpc/grpc-js', { timeout: 300_000 }, () => {
  let at: RouteStage<Shop>;
  before(async () => void (at = new RouteStage(await routeTo('grpc', Shop.start()))));
  after(async () => {
    await at[Symbol.asyncDispose]();
    assert.deepEqual(at.errors, []);
  });
  const add = (over: Partial<WirePolicy>) => at.add({ target: '/shop.Orders/*', ...over });
  const counted = (fault: { id: string }) => at.wire.counters(fault.id);

  for (const way of ['to-server', 'to-client'] as const) {
    it(`loses message 3 of each 100 in a bidirectional stream ${way}; the others arrive, in order, through full windows`, async () => {
      using buyer = new Buyer(at.address);
      await using fault = await add({ ...THIRD, scope: `message:${way}` });
      // 2.5 MB each way through windows of 64 KB: what is lost must be given back, or the stream stops.
      const ended = await buyer.call('Talk', 1_000, 2_500);
      assert.deepEqual([ended.code, ended.numbers], [0, without(1_000, isThird)]);
      assert.equal(counted(fault)?.errors, 10);
      assert.equal((await buyer.call('Talk', 10, 2_500)).numbers.length, 9, 'each stream is counted from its first message');
    });
  }

  it('loses large messages over many frames, one after the other, without the windows running dry', async () => {
    using buyer = new Buyer(at.address);
    for (const scope of ['message:to-server', 'message:to-client']) {
      await using _ = await add({ ...LOSES, everyNth: 2, nth: 1, scope });
      const ended = await buyer.call('Talk', 20, 300_000);
      assert.deepEqual([ended.code, ended.numbers], [0, without(20, (number) => number % 2 === 1)]);
    }
  });

  it('loses messages of every kind of call, in both directions', async () => {
    using buyer = new Buyer(at.address);
    await using _ = await add({ ...LOSES, everyNth: 3, nth: 2, scope: 'message' });
    assert.deepEqual((await buyer.call('Upload', 9)).numbers, without(9, (number) => number % 3 === 2));
    assert.deepEqual((await buyer.call('List', 9)).numbers, without(9, (number) => number % 3 === 2));
    assert.deepEqual((await buyer.call('Place')).numbers, [1], 'the only message of each direction is the first');
    // What is left after the way there is counted anew on the way back.
    assert.deepEqual((await buyer.call('Talk', 9)).numbers, [1, 4, 6, 9]);
  });

  it('loses an empty message', async () => {
    using buyer = new Buyer(at.address);
    await using _ = await add({ ...LOSES, everyNth: 4, nth: 4, scope: 'message:to-server' });
    // A message with the number 0 and no filling has no bytes at all.
    const stream = (buyer.client['Talk'] as unknown as () => NodeJS.ReadWriteStream & { write(order: object): boolean }).call(buyer.client);
    const got: number[] = [];
    stream.on('data', ({ number }: { number: number }) => got.push(number));
    for (let n = 0; n < 8; n++) stream.write({ number: n % 2 === 0 ? n : 0 });
    const ended = new Promise((resolve) => stream.on('end', resolve));
    stream.end();
    await ended;
    assert.deepEqual(got, [0, 0, 2, 4, 0, 6]);
  });

  it('delays the third message and holds up none but those behind it', async () => {
    using buyer = new Buyer(at.address);
    for (const kind of ['Upload', 'List', 'Talk'] as const satisfies Kind[]) {
      await using fault = await add({ latencyChance: 1, latencyMs: 120, everyNth: 100, nth: 3, target: `/shop.Orders/${kind}`, scope: kind === 'Upload' ? 'message:to-server' : 'message:to-client' });
      const slow = buyer.call(kind, 50, 3_000);
      const others = await Promise.all([buyer.call('Place'), buyer.call('Place')]);
      assert.deepEqual(others.map(({ code }) => code), [0, 0]);
      const ended = await slow;
      assert.deepEqual([kind, ended.code, ended.numbers], [kind, 0, numbers(50)]);
      assert.ok(ended.ms >= 120, `${ended.ms} ms`);
      assert.equal(counted(fault)?.latencies, 1);
      assert.ok((counted(fault)?.meanDelay ?? 0) >= 120);
    }
  });

  it('ends a call in the middle of its stream with a status, and leaves the connection usable', async () => {
    using buyer = new Buyer(at.address);
    for (const scope of ['message:to-client', 'message:to-server']) {
      await using fault = await add({ errorChance: 1, errorCode: 10, errorBody: 'at the fifth', everyNth: 5, scope });
      for (const kind of ['Talk', scope === 'message:to-client' ? 'List' : 'Upload'] as const) {
        const ended = await buyer.call(kind, 30, 20_000);
        assert.deepEqual([kind, ended.code, ended.details], [kind, 10, 'at the fifth']);
        assert.ok(ended.numbers.length <= 4);
        if (scope === 'message:to-client') assert.deepEqual(ended.numbers, numbers(4));
      }
      assert.equal(counted(fault)?.errors, 2);
    }
    assert.deepEqual((await buyer.call('Talk', 100, 5_000)).numbers, numbers(100));
  });

  it('throws the dice for each message, other ones in each stream', async () => {
    using buyer = new Buyer(at.address);
    await using fault = await add({ ...LOSES, errorChance: 0.5, scope: 'message:to-client' });
    const streams = await Promise.all(Array.from({ length: 4 }, () => buyer.call('List', 500, 1)));
    const lost = streams.map(({ numbers: got }) => 500 - got.length);
    // 0.5 of 2000, within 6 standard deviations (22).
    assert.ok(Math.abs(lost.reduce((sum, n) => sum + n, 0) - 1_000) < 134, `${lost}`);
    assert.equal(new Set(streams.map(({ numbers: got }) => got.join())).size, 4);
    assert.equal(counted(fault)?.matched, 2_000);
  });

  it('throws the dice once for a call, and they hold for each of its messages', async () => {
    using buyer = new Buyer(at.address);
    await using _ = await add({ ...LOSES, errorChance: 0.5, scope: 'stream:to-client' });
    const got: number[] = [];
    for (let n = 0; n < 40; n++) got.push((await buyer.call('List', 10)).numbers.length);
    assert.deepEqual([...new Set(got)].sort(), [0, 10], 'all or nothing');
    const lost = got.filter((count) => count === 0).length;
    assert.ok(lost > 5 && lost < 35, `${lost} of 40`);
  });

  it('chooses every second call of a method', async () => {
    using buyer = new Buyer(at.address);
    await using _ = await add({ ...LOSES, target: '/shop.Orders/Upload', everyNth: 2, nth: 1, scope: 'stream:to-server' });
    const got: number[] = [];
    for (let n = 0; n < 6; n++) got.push((await buyer.call('Upload', 3)).numbers.length);
    assert.deepEqual([got[0] === got[2], got[2] === got[4], got[1] === got[3], (got[0] as number) + (got[1] as number)], [true, true, true, 3]);
  });

  it('cuts the connection at a message', async () => {
    using buyer = new Buyer(at.address);
    await using fault = await add({ dropConnection: true, everyNth: 4, scope: 'message:to-client' });
    const ended = await buyer.call('List', 10);
    assert.equal(ended.code, 14);
    assert.equal(counted(fault)?.drops, 1);
  });

  it('strikes a call that was delayed as a whole, message by message', async () => {
    using buyer = new Buyer(at.address);
    await using _slow = await add({ latencyChance: 1, latencyMs: 60 });
    await using _lossy = await add({ ...THIRD, everyNth: 10, scope: 'message:to-server' });
    const [talk, upload] = await Promise.all([buyer.call('Talk', 100, 2_000), buyer.call('Upload', 25)]);
    assert.deepEqual(talk.numbers, without(100, (number) => number % 10 === 3));
    assert.deepEqual(upload.numbers, without(25, (number) => number % 10 === 3));
  });

  it('takes hold of a stream that is already open, and lets go of it', async () => {
    using buyer = new Buyer(at.address);
    const stream = (buyer.client['Talk'] as unknown as () => NodeJS.ReadWriteStream & { write(order: object): boolean }).call(buyer.client);
    const got: number[] = [];
    let wake = (): void => {};
    stream.on('data', ({ number }: { number: number }) => (got.push(number), wake()));
    const has = async (count: number): Promise<void> => {
      while (got.length < count) await new Promise<void>((resolve) => (wake = resolve));
    };
    for (let n = 1; n <= 5; n++) stream.write({ number: n });
    await has(5);
    {
      await using _ = await add({ ...LOSES, everyNth: 2, scope: 'message:to-server' });
      for (let n = 6; n <= 11; n++) stream.write({ number: n });
      await has(8);
    }
    for (let n = 12; n <= 14; n++) stream.write({ number: n });
    await has(11);
    const ended = new Promise((resolve) => stream.on('end', resolve));
    stream.end();
    await ended;
    // The sixth message of the stream is an even one, counted from its beginning.
    assert.deepEqual(got, [1, 2, 3, 4, 5, 7, 9, 11, 12, 13, 14]);
  });
});
