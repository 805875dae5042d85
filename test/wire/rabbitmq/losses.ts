import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ConfirmChannel } from 'amqplib';
import { Inbox, numbers, publishAll, type RabbitStage, watched } from './stage.ts';

/** Many enough to fill windows, prefetches and sockets; 10,000 when there is time. */
const MANY = process.env['FIREBREAK_LONG'] === '1' ? 10_000 : 3_000;
const PREFETCH = 50;
const thirds = (n: number): string[] => numbers(n).filter((_, index) => index % 3 === 2);
const others = (n: number): string[] => numbers(n).filter((_, index) => index % 3 !== 2);

/** What becomes of messages that are withheld. */
export function losses(stage: () => RabbitStage): void {
  /** A queue with these messages in it, and a channel over the route. */
  const filled = async (count: number, options = {}): Promise<{ queue: string; channel: ConfirmChannel }> => {
    const queue = stage().queue();
    const direct = await (await stage().direct()).createConfirmChannel();
    await direct.assertQueue(queue, options);
    await publishAll(direct, queue, numbers(count));
    return { queue, channel: await (await stage().client()).createConfirmChannel() };
  };

  it(`every 3rd of ${MANY} deliveries is missing and no other, order is kept, and nothing unacked remains`, async () => {
    const { queue, channel } = await filled(MANY);
    const lost = await stage().add({ target: queue, errorChance: 1, everyNth: 3, extra: { effect: 'ack' } });
    await channel.prefetch(PREFETCH);
    // As clients do who settle in groups: by every tenth number, which only comes when the numbers have no gaps.
    const inbox = new Inbox((message) => {
      if (message.fields.deliveryTag % 10 === 0) channel.ack(message, true);
    });
    await channel.consume(queue, inbox.take);
    assert.deepEqual(await inbox.has(others(MANY).length), others(MANY));
    channel.ackAll();
    assert.equal((await channel.checkQueue(queue)).messageCount, 0);
    assert.equal(stage().counters(lost).errors, thirds(MANY).length);
    assert.deepEqual(inbox.messages.map(({ fields }) => fields.deliveryTag), numbers(others(MANY).length).map(Number));
    assert.deepEqual(await stage().left(queue), [], 'what is unacked would be back in the queue');
  });

  it(`every 3rd of ${MANY} publishes is missing and no other, order is kept, and each is confirmed`, async () => {
    const { queue, channel } = await filled(0);
    const lost = await stage().add({ target: queue, errorChance: 1, everyNth: 3, extra: { effect: 'ack' } });
    assert.deepEqual(await publishAll(channel, queue, numbers(MANY)), []);
    await channel.waitForConfirms();
    assert.equal(stage().counters(lost).errors, thirds(MANY).length);
    assert.deepEqual(await stage().left(queue), others(MANY));
  });

  it('a publisher is told of exactly the messages that were refused', async () => {
    const { queue, channel } = await filled(0);
    await stage().add({ target: queue, errorChance: 1, everyNth: 3, extra: { effect: 'nack' } });
    assert.deepEqual((await publishAll(channel, queue, numbers(100))).map(String), thirds(100));
    assert.deepEqual(await stage().left(queue), others(100));
  });

  it('a refused delivery goes where the broker sends what is refused', async () => {
    const dead = stage().queue();
    const { queue, channel } = await filled(90, { deadLetterExchange: '', deadLetterRoutingKey: dead });
    await channel.assertQueue(dead);
    await stage().add({ target: queue, errorChance: 1, everyNth: 3, extra: { effect: 'nack' } });
    const inbox = new Inbox((message) => channel.ack(message));
    await channel.consume(queue, inbox.take);
    assert.deepEqual(await inbox.has(60), others(90));
    await channel.checkQueue(queue);
    assert.deepEqual(await stage().left(queue), []);
    assert.deepEqual(await stage().left(dead), thirds(90));
  });

  it('a delivery that is queued again comes again', async () => {
    const { queue, channel } = await filled(90);
    await stage().add({ target: queue, errorChance: 1, everyNth: 3, extra: { effect: 'requeue' } });
    const inbox = new Inbox((message) => channel.ack(message));
    await channel.consume(queue, inbox.take);
    assert.deepEqual((await inbox.has(90)).toSorted((a, b) => Number(a) - Number(b)), numbers(90));
    assert.ok(inbox.messages.some(({ fields }) => fields.redelivered));
    await channel.checkQueue(queue);
    assert.deepEqual(await stage().left(queue), []);
  });

  it('a withheld basic.get finds nothing, and the message is gone or not as chosen', async () => {
    const { queue, channel } = await filled(2);
    const gone = await stage().add({ target: queue, errorChance: 1, extra: { effect: 'ack' } });
    assert.equal(await channel.get(queue), false);
    await stage().wire.remove(gone.id);
    await stage().add({ target: queue, errorChance: 1, extra: { effect: 'requeue' } });
    assert.equal(await channel.get(queue), false);
    assert.deepEqual(await stage().left(queue), ['2']);
  });

  it('a client that settles all at once, or what it settled before, hears what the broker would say', async () => {
    const { queue, channel } = await filled(12);
    await stage().add({ target: queue, errorChance: 1, everyNth: 3, extra: { effect: 'ack' } });
    const { closed } = watched(channel);
    const inbox = new Inbox();
    await channel.consume(queue, inbox.take);
    assert.deepEqual(await inbox.has(8), others(12));
    channel.ackAll();
    channel.ackAll();
    await channel.checkQueue(queue);
    channel.ack(inbox.messages[0] as never);
    assert.match((await closed)?.message ?? '', /406.*PRECONDITION_FAILED - unknown delivery tag/);
    assert.deepEqual(await stage().left(queue), []);
  });

  /** Three policies come and go while a client settles again and again; each takes hold, and what is not lost arrives in order. */
  const comeAndGo = async (prefetch: number, every: number): Promise<void> => {
    const { queue, channel } = await filled(2_000);
    await channel.prefetch(prefetch);
    let [since, over, most] = [0, false, 0];
    const failed = watched(channel).closed.then((error) => over || assert.fail(error?.message ?? 'closed'));
    const inbox = new Inbox(() => {
      if (++since % every === 0 && since < most) channel.ackAll();
    });
    let lost = 0;
    // Deliveries go on while a policy comes, and stop before none are left for it to take hold of.
    for (const seen of [100, 400, 700]) {
      most = seen + 200;
      if (seen === 100) await channel.consume(queue, inbox.take);
      else channel.ackAll();
      await Promise.race([inbox.has(seen), failed]);
      const policy = await stage().add({ target: queue, errorChance: 1, everyNth: 3, extra: { effect: 'ack' } });
      most += 200;
      channel.ackAll();
      // What is under way as it comes, and once more as the client settles that, is spared.
      await Promise.race([inbox.has(inbox.messages.length + 60 + 3 * prefetch), failed]);
      await stage().wire.remove(policy.id);
      const { errors } = stage().counters(policy);
      assert.ok(errors > 0, `none of those after ${seen}`);
      lost += errors;
    }
    most = Infinity;
    channel.ackAll();
    await Promise.race([inbox.has(2_000 - lost), failed]);
    channel.ackAll();
    assert.equal(inbox.messages.length, 2_000 - lost);
    assert.deepEqual(inbox.texts.map(Number), inbox.texts.map(Number).toSorted((a, b) => a - b));
    await channel.checkQueue(queue);
    over = true;
    assert.deepEqual(await stage().left(queue), []);
  };
  for (const [prefetch, every] of [[20, 7], [1, 1], [40, 1]] as const) {
    it(`while deliveries are being settled all at once, ${every} of ${prefetch}, a policy may come and go`, () => comeAndGo(prefetch, every));
  }
}
