import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { Inbox, numbers, publishAll, type RabbitStage, textOf, watched } from './stage.ts';

/** Longer than any test may last: whoever waits for it was not let go. */
const FOREVER = 600_000;

/** Errors, resets and delays as clients see them. */
export function failures(stage: () => RabbitStage): void {
  const opened = async (): Promise<{ client: ChannelModel; channel: ConfirmChannel; queue: string }> => {
    const client = await stage().client();
    const channel = await client.createConfirmChannel();
    const queue = stage().queue();
    await channel.assertQueue(queue);
    return { client, channel, queue };
  };

  it('a publish closes its channel with the error of the policy; the connection and its other channels go on', async () => {
    const { client, channel, queue } = await opened();
    const other = await client.createChannel();
    const refused = await stage().add({ target: queue, errorChance: 1, everyNth: 3, errorCode: 404, errorBody: `no queue '${queue}' in vhost '/'` });
    const { closed } = watched(channel);
    for (const body of numbers(5)) channel.sendToQueue(queue, Buffer.from(body));
    const error = await closed;
    assert.equal(error?.code, 404);
    assert.match(error.message, new RegExp(`NOT_FOUND - no queue '${queue}' in vhost '/'`));
    assert.equal((await other.checkQueue(queue)).messageCount, 2, 'what was published before it has arrived, and nothing after it');
    const again = await client.createChannel();
    await stage().wire.remove(refused.id);
    again.sendToQueue(queue, Buffer.from('again'));
    await again.checkQueue(queue);
    assert.deepEqual(await stage().left(queue), ['1', '2', 'again']);
  });

  it('a channel that fails again and again is opened again each time', async () => {
    const { client, queue } = await opened();
    await stage().add({ target: queue, errorChance: 1 });
    for (let n = 0; n < 30; n++) {
      const { channel, closed } = watched(await client.createChannel());
      channel.sendToQueue(queue, Buffer.from('x'));
      assert.equal((await closed)?.code, 541);
    }
    assert.deepEqual(await stage().left(queue), []);
  });

  it('a delivery closes its channel; the broker gives what was unsettled to the next consumer', async () => {
    const { client, channel, queue } = await opened();
    await publishAll(channel, queue, numbers(5));
    const consumer = watched(await client.createChannel());
    const refused = await stage().add({ target: queue, errorChance: 1, everyNth: 3, errorCode: 406, errorBody: 'chaos' });
    const inbox = new Inbox();
    await consumer.channel.consume(queue, inbox.take);
    assert.match((await consumer.closed)?.message ?? '', /406.*PRECONDITION_FAILED - chaos/);
    assert.deepEqual(inbox.texts, ['1', '2']);
    await stage().wire.remove(refused.id);
    const next = new Inbox();
    await channel.consume(queue, next.take, { noAck: true });
    assert.deepEqual(await next.has(5), numbers(5));
    assert.deepEqual(next.messages.slice(0, 3).map(({ fields }) => fields.redelivered), [true, true, true]);
  });

  it('a publish closes its connection with the error of the policy', async () => {
    const { client, channel, queue } = await opened();
    await stage().add({ target: queue, errorChance: 1, errorCode: 506, errorBody: 'out of memory', extra: { effect: 'connection' } });
    const { closed } = watched(channel);
    const failed = new Promise<Error>((resolve) => client.once('error', resolve));
    channel.sendToQueue(queue, Buffer.from('x'));
    assert.match((await failed).message, /506.*RESOURCE_ERROR - out of memory/);
    await closed;
    assert.deepEqual(await stage().left(queue), []);
  });

  it('a connection is cut by a reset, and what it had not settled is delivered to others', async () => {
    const { client, channel, queue } = await opened();
    await publishAll(channel, queue, numbers(2));
    const cut = await stage().add({ target: queue, dropConnection: true, when: "rabbitmq.action == 'deliver'" });
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => client.once('error', resolve));
    watched(channel);
    await channel.consume(queue, () => assert.fail('nothing arrives')).catch(() => {});
    assert.equal((await failed).code, 'ECONNRESET');
    assert.equal(stage().counters(cut).drops, 1);
    const next = new Inbox();
    const direct = await (await stage().direct()).createChannel();
    await direct.consume(queue, next.take, { noAck: true });
    assert.deepEqual(await next.has(2), numbers(2));
  });

  it('a publish that waits holds up its channel and no other, in order, and is measured', async () => {
    const { client, channel, queue } = await opened();
    const other = await client.createConfirmChannel();
    const slow = await stage().add({ target: queue, latencyChance: 1, latencyMs: 300, matchHeaders: { 'x-tier': 'free' } });
    const done: string[] = [];
    const began = performance.now();
    const held = publishAll(channel, queue, ['slow'], { headers: { 'x-tier': 'free' } }).then(() => done.push('slow'));
    const behind = publishAll(channel, queue, ['behind']).then(() => done.push('behind'));
    const past = publishAll(other, queue, ['past']).then(() => done.push('past'));
    await Promise.all([held, behind, past]);
    assert.ok(performance.now() - began >= 299);
    assert.deepEqual(await stage().left(queue), ['past', 'slow', 'behind']);
    assert.equal(done[0], 'past');
    const { latencies, meanDelay } = stage().counters(slow);
    assert.equal(latencies, 1);
    assert.ok(meanDelay >= 299, String(meanDelay));
  });

  it('deliveries that wait keep their order', async () => {
    const { client, channel, queue } = await opened();
    await publishAll(channel, queue, numbers(12));
    const slow = await stage().add({ target: queue, latencyChance: 0.5, latencyMs: 15 });
    const inbox = new Inbox();
    await (await client.createChannel()).consume(queue, inbox.take, { noAck: true });
    assert.deepEqual(await inbox.has(12), numbers(12));
    assert.ok(stage().counters(slow).latencies > 0);
  });

  for (const [what, letGo] of [
    ['HALT', async () => stage().wire.halt()],
    ['the end of its policy', async (id: string) => stage().wire.remove(id)],
  ] as const) {
    it(`${what} lets go of what waits, both ways, and the connection is used on`, async () => {
      const { client, channel, queue } = await opened();
      const consumer = await client.createChannel();
      const inbox = new Inbox();
      await consumer.consume(queue, inbox.take, { noAck: true });
      const slow = await stage().add({ target: queue, latencyChance: 1, latencyMs: FOREVER });
      // Past the route, so that it waits on its way to the consumer alone.
      const direct = await (await stage().direct()).createConfirmChannel();
      await publishAll(direct, queue, ['delivered']);
      const published = publishAll(channel, queue, ['published']);
      while (stage().counters(slow).matched < 2) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(inbox.texts, []);
      await letGo(slow.id);
      await published;
      assert.deepEqual((await inbox.has(2)).toSorted(), ['delivered', 'published']);
      await publishAll(channel, queue, ['after']);
      assert.equal((await inbox.has(3))[2], 'after');
    });
  }

  it('the end of the engine ends its connections; the broker keeps everything, and clients go on without the route', async () => {
    const own = await stage().another();
    const client = await connect(`amqp://guest:guest@${own.address}`);
    client.on('error', () => {});
    const { channel, closed } = watched<Channel>(await client.createChannel());
    const queue = stage().queue();
    await channel.assertQueue(queue);
    for (const body of numbers(3)) channel.sendToQueue(queue, Buffer.from(body));
    await channel.checkQueue(queue);
    await own.hold(queue, FOREVER);
    await channel.consume(queue, () => assert.fail('it waits')).catch(() => {});
    await own.wire[Symbol.asyncDispose]();
    await closed;
    assert.deepEqual(await stage().left(queue), numbers(3));
  });

  it('server-named queues and replies are protected when a file says nothing else', async () => {
    const { client, channel } = await opened();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    assert.match(queue, /^amq\.gen-/);
    const all = await stage().add({ target: 'all', errorChance: 1, ignored: ['amq.', 'reply_'] });
    const inbox = new Inbox();
    await channel.consume('', inbox.take, { noAck: true });
    channel.sendToQueue(queue, Buffer.from('to the last declared'));
    assert.deepEqual(await inbox.has(1), ['to the last declared']);
    // RPC over the pseudo-queue amq.rabbitmq.reply-to.
    const rpc = await client.createChannel();
    const answers = new Inbox();
    await rpc.consume('amq.rabbitmq.reply-to', answers.take, { noAck: true });
    rpc.sendToQueue(queue, Buffer.from('ask'), { replyTo: 'amq.rabbitmq.reply-to' });
    await inbox.has(2);
    channel.sendToQueue(inbox.messages[1]?.properties.replyTo as string, Buffer.from('answer'));
    assert.deepEqual(await answers.has(1), ['answer']);
    assert.equal(stage().counters(all).matched, 0);
  });

  it('conditions see exchange, key, queue, headers and baggage of a real message', async () => {
    const { channel, queue } = await opened();
    await channel.assertExchange('shop', 'topic', { autoDelete: true });
    await channel.bindQueue(queue, 'shop', 'payment.#');
    const both = ["rabbitmq.exchange == 'shop'", "rabbitmq.routing_key == 'payment.eu'", "rabbitmq.headers['tier'] == 'free'", "rabbitmq.headers['n'] == '7'", "baggage['chaos'] == 'on'", "trace.id == '0af7651916cd43dd8448eb211c80319c'"];
    const counts = async (when: string): Promise<number> => {
      const policy = await stage().add({ target: 'all', latencyChance: 1, latencyMs: 1, when });
      channel.publish('shop', 'payment.eu', Buffer.from('m'), {
        headers: { tier: 'free', n: 7, baggage: 'chaos=on', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
      });
      await channel.waitForConfirms();
      assert.equal(textOf(await channel.get(queue, { noAck: true })), 'm');
      await stage().wire.remove(policy.id);
      return stage().counters(policy).matched;
    };
    for (const when of both) assert.equal(await counts(when), 2, when);
    assert.equal(await counts(`rabbitmq.action == 'deliver' && rabbitmq.queue == '${queue}'`), 1);
    assert.equal(await counts("rabbitmq.action == 'publish' && rabbitmq.queue == ''"), 1);
    assert.equal(await counts("rabbitmq.headers['other'] == 'x'"), 0);
  });
}
