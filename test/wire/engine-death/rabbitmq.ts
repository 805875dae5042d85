import assert from 'node:assert/strict';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { startRabbitmq } from '../../lab/rabbitmq.ts';
import { Inbox, numbers, publishAll, textOf, watched } from '../rabbitmq/stage.ts';
import { again, assertCut, failureOf, type Place, type Scene, soon } from './parts.ts';

/** One message acknowledged, one that the consumer works on, two that are held on their way to it, and a publish that is held. */
export async function rabbitmqScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startRabbitmq());
  const direct = await connect(server.url);
  stack.defer(() => direct.close());
  const looking = await direct.createConfirmChannel();
  for (const queue of ['orders', 'late', 'refused']) await looking.assertQueue(queue);
  await publishAll(looking, 'orders', numbers(5));
  let client: ChannelModel;
  let published: Promise<Error>;
  let address: string;
  const join = async (): Promise<ChannelModel> => {
    const joined = await connect(`amqp://guest:guest@${address}`);
    joined.on('error', () => {});
    return joined;
  };
  const publish = async (): Promise<void> => {
    const channel = await client.createConfirmChannel();
    channel.sendToQueue('late', Buffer.from('once'));
    await channel.waitForConfirms();
  };
  const waiting = async (channel: Channel, queue: string): Promise<number> => (await channel.checkQueue(queue)).messageCount;
  const moved = stack.move();
  return {
    route: `protocol: rabbitmq, upstream: "${server.address}"`,
    policies: {
      outage: 'type: rabbitmq, target: refused, error_chance: 1, error_code: 404, error_body: injected',
      'held-deliveries': `type: rabbitmq, target: orders, every_nth: 3, latency_chance: 1, latency_duration: 10m, when: "rabbitmq.action == 'deliver'"`,
      'held-publish': `type: rabbitmq, target: late, latency_chance: 1, latency_duration: 10m, when: "rabbitmq.action == 'publish'"`,
    },
    struck: async (at: Place) => {
      address = at.address;
      client = await join();
      const refused = watched(await client.createChannel());
      refused.channel.sendToQueue('refused', Buffer.from('x'));
      assert.equal((await refused.closed)?.code, 404);
      const inbox = new Inbox();
      const channel = await client.createChannel();
      await channel.prefetch(3);
      await channel.consume('orders', inbox.take);
      assert.deepEqual(await inbox.has(2), ['1', '2']);
      const [done] = inbox.messages;
      assert.ok(done);
      channel.ack(done);
      // It has given out one more: the ack has arrived, which the end of the connection might overtake.
      await soon('the first is settled', async () => (await waiting(looking, 'orders')) === 1);
      assert.deepEqual(inbox.texts, ['1', '2']);
      published = failureOf(publish());
    },
    goesOn: async () => {
      assertCut(await published);
      client = await again('the route passes again', join);
      moved.defer(() => client.close());
      const channel = await client.createChannel();
      const inbox = new Inbox((message) => channel.ack(message));
      await channel.consume('orders', inbox.take);
      assert.deepEqual(await inbox.has(4), ['2', '3', '4', '5'], 'all that was not acknowledged, in order');
      assert.deepEqual(inbox.messages.map(({ fields }) => fields.redelivered), [true, true, true, false]);
      assert.equal(await waiting(channel, 'late'), 0);
      await publish();
      assert.equal(textOf(await channel.get('late', { noAck: true })), 'once');
      const { messageCount, consumerCount } = await looking.checkQueue('orders');
      assert.deepEqual({ messageCount, consumerCount }, { messageCount: 0, consumerCount: 1 });
      channel.sendToQueue('refused', Buffer.from('y'));
      await soon('what was refused passes', async () => (await waiting(channel, 'refused')) === 1);
      await channel.close();
      // What nobody had acknowledged would be back now.
      assert.deepEqual([await waiting(looking, 'orders'), await waiting(looking, 'late'), await waiting(looking, 'refused')], [0, 0, 1]);
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
