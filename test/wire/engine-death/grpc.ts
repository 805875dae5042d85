import assert from 'node:assert/strict';
import { type ClientDuplexStream, Metadata, type StatusObject } from '@grpc/grpc-js';
import { Buyer, type Order, Shop } from '../grpc/parts.ts';
import { type Place, type Scene, soon } from './parts.ts';

/** A call that runs both ways and whose third message is held, on the connection that other calls use. */
export async function grpcScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await Shop.start());
  let buyer: Buyer;
  let ended: Promise<StatusObject>;
  const got: number[] = [];
  const moved = stack.move();
  return {
    route: `protocol: grpc, upstream: "${server.address}"`,
    policies: {
      outage: 'type: grpc, target: /shop.Orders/Place, error_chance: 1, error_code: 8, error_body: injected',
      held: 'type: grpc, target: /shop.Orders/Talk, stream_roll_mode: per-frame, direction: to-server, every_nth: 3, latency_chance: 1, latency_duration: 10m',
    },
    struck: async ({ address }: Place) => {
      buyer = moved.use(new Buyer(address));
      const { code, details } = await buyer.call('Place');
      assert.deepEqual({ code, details }, { code: 8, details: 'injected' });
      const call = buyer.client['Talk']?.(new Metadata()) as ClientDuplexStream<Order, Order>;
      ended = new Promise((resolve) => call.on('status', resolve));
      call.on('error', () => {});
      call.on('data', ({ number }: Order) => got.push(number));
      for (let number = 1; number <= 4; number++) call.write({ number, filling: Buffer.alloc(10) });
      await soon('two have come back', () => got.length === 2);
    },
    goesOn: async () => {
      assert.equal((await ended).code, 14, 'the call that was cut ends as UNAVAILABLE');
      assert.deepEqual(got, [1, 2]);
      await soon('the route passes again', async () => (await buyer.call('Place')).code === 0);
      const { code, numbers } = await buyer.call('Talk', 5);
      assert.deepEqual({ code, numbers }, { code: 0, numbers: [1, 2, 3, 4, 5] });
      assert.deepEqual(server.calls, ['Talk', 'Place', 'Talk'], 'what was refused has not come to the server, and nothing came twice');
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
