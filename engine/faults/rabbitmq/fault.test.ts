import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { numbers, publishAll, RabbitStage, watched } from '../../../test/wire/rabbitmq/stage.ts';
import { noRabbitmq } from '../../../test/lab/rabbitmq.ts';
import { faultLife, faultRequest, onWire } from '../../../test/support/fault-life.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { loadText } from '../../policy/load.ts';
import { rabbitmqInjector } from './injector.ts';
import { rabbitmqManifest, type RabbitmqParams } from './manifest.ts';

const explain = (fields: Record<string, unknown>, target = 'orders'): string => rabbitmqManifest.explain(rabbitmqManifest.params.parse(fields), target);
const figures = (effect: Effect): unknown[] => effect.figures.map(({ name, requested, delivered, samples }) => [name, requested, delivered, samples]);

describe('the rabbitmq fault', () => {
  it('says in words what it does', () => {
    assert.equal(explain({ latencyChance: 1, latencyDuration: '2s' }), 'Delays all messages of orders by 2s.');
    assert.equal(explain({ errorChance: 0.3 }, 'all'), 'Answers 30 % of RabbitMQ messages with channel error 541.');
    assert.equal(explain({ errorChance: 1, errorCode: 320, errorScope: 'connection' }), 'Answers all messages of orders with connection error 320.');
    assert.equal(
      explain({ dropMessage: true, everyNth: 3 }),
      'Withholds all messages of orders: the broker, or the publisher, is told that they arrived. Of these only every 3rd.',
    );
    assert.equal(
      explain({ dropMessage: true, errorChance: 0.25, dropReply: 'nack', latencyChance: 1, latencyDuration: '1s' }),
      'Withholds 25 % of messages of orders: the broker, or the publisher, is told that they were refused. Delays all the others by 1s.',
    );
    assert.match(explain({ dropMessage: true, dropReply: 'requeue', when: "rabbitmq.action == 'deliver'" }), /queue them again.* Only where rabbitmq.action == 'deliver'\.$/);
  });

  it('weighs a loss without a chance as a loss of everything', () => {
    const weigh = (fields: Record<string, unknown>): number => rabbitmqManifest.severity(rabbitmqManifest.params.parse(fields));
    assert.deepEqual([weigh({ dropMessage: true }), weigh({ dropMessage: true, errorChance: 0.2 }), weigh({})], [1, 0.2, 0]);
    assert.equal(rabbitmqManifest.noop(rabbitmqManifest.params.parse({ dropMessage: true })), false);
    assert.equal(rabbitmqManifest.noop(rabbitmqManifest.params.parse({})), true);
  });

  it('refuses what would silently win over another field, naming place, cause and remedy', () => {
    const issues = (policy: string): string[] => {
      const result = loadText(`version: 1\npolicies:\n  - { name: p, type: rabbitmq, target: all, ${policy} }\n`, 'f.yaml');
      return result.ok ? [] : result.issues.map(({ path, message, hint }) => `${path}: ${message}; ${hint}`);
    };
    assert.match(issues('drop_message: true, drop_connection: true').join(), /drop_message: expected no drop_connection beside it.*make two policies/);
    assert.match(issues('drop_message: true, error_body: x').join(), /error_body: expected no text/);
    assert.match(issues('drop_message: true, drop_reply: maybe').join(), /drop_reply: expected ack, nack or requeue/);
    assert.match(issues('error_scope: all').join(), /error_scope: expected channel or connection/);
    assert.match(issues('nth: 2').join(), /nth: expected at most every_nth/);
    assert.match(issues("when: rabbitmq.topic == 'x'").join(), /when/);
    assert.deepEqual(issues("drop_message: true, drop_reply: nack, every_nth: 3, when: \"rabbitmq.headers['n'] == '7'\""), []);
  });

  it('is written in the docs as the engine reads it', () => {
    const page = readFileSync(new URL('../../../assets/docs/protocols/rabbitmq.md', import.meta.url), 'utf8');
    const yaml = [...page.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1]).join('');
    const result = loadText(`version: 1\n${yaml}ignored_commands: { rabbitmq: [audit.] }\n`, 'docs.yaml');
    assert.ok(result.ok, JSON.stringify(result));
    assert.equal(result.file.policies.length, 6);
  });
});

describe('the rabbitmq fault on a real broker', { timeout: 300_000, skip: noRabbitmq() }, () => {
  let stage: RabbitStage;
  before(async () => {
    stage = await RabbitStage.start();
  });
  after(() => stage[Symbol.asyncDispose]());
  afterEach(() => stage.clear());

  const request = (fields: Record<string, unknown>, over: Partial<FaultRequest<RabbitmqParams>> = {}): FaultRequest<RabbitmqParams> =>
    faultRequest(rabbitmqManifest, fields, { target: 'orders', routes: [{ name: 'r', protocol: 'rabbitmq', listen: stage.address, upstream: stage.server.address }], ignored: ['amq.', 'reply_'], ...over });
  /** The fault lives while `act` runs on a confirming channel over the route, and an empty queue `orders`. */
  const during = async (asked: FaultRequest<RabbitmqParams>, act: (channel: ConfirmChannel, client: ChannelModel) => Promise<void>): Promise<Effect> => {
    const injector = rabbitmqInjector(onWire(stage.wire));
    const { client, channel } = await open();
    const effect = await faultLife(injector, asked, () => act(channel, client));
    assert.deepEqual(await publishAll((await open()).channel, 'orders', ['clean']), [], 'nothing stays behind');
    return effect;
  };
  const open = async (): Promise<{ client: ChannelModel; channel: ConfirmChannel }> => {
    const client = await stage.client();
    const channel = await client.createConfirmChannel();
    await channel.assertQueue('orders');
    await channel.purgeQueue('orders');
    return { client, channel };
  };

  it('delays', async () => {
    const effect = await during(request({ latencyChance: 1, latencyDuration: '40ms' }), async (channel) => void (await publishAll(channel, 'orders', ['a', 'b'])));
    assert.equal(effect.bitten, true, effect.detail);
    const [latency] = effect.figures;
    assert.deepEqual([latency?.name, latency?.requested, latency?.samples], ['latency', 40, 2]);
    assert.ok((latency?.delivered ?? 0) >= 40);
  });

  it('fails a channel, or the connection', async () => {
    const effect = await during(request({ errorChance: 1, errorCode: 404, errorBody: 'no orders' }), async (channel) => {
      const { closed } = watched(channel);
      channel.sendToQueue('orders', Buffer.from('a'));
      assert.match((await closed)?.message ?? '', /404.*NOT_FOUND - no orders/);
    });
    assert.deepEqual([effect.bitten, figures(effect)], [true, [['error rate', 1, 1, 1]]]);
    await during(request({ errorChance: 1, errorScope: 'connection' }), async (channel, client) => {
      const failed = new Promise<Error>((resolve) => client.once('error', resolve));
      watched(channel);
      channel.sendToQueue('orders', Buffer.from('a'));
      assert.match((await failed).message, /541.*INTERNAL_ERROR/);
    });
  });

  it('withholds every 3rd, and measures the loss', async () => {
    const effect = await during(request({ dropMessage: true, everyNth: 3 }), async (channel) => {
      assert.deepEqual(await publishAll(channel, 'orders', numbers(9)), []);
      assert.equal((await channel.checkQueue('orders')).messageCount, 6);
    });
    assert.deepEqual([effect.bitten, figures(effect)], [true, [['loss rate', 1 / 3, 1 / 3, 9]]]);
    assert.equal(effect.detail, '9 messages reached route r orders: 3 withheld');
    await during(request({ dropMessage: true, errorChance: 1, dropReply: 'nack' }), async (channel) => {
      assert.deepEqual(await publishAll(channel, 'orders', numbers(3)), [1, 2, 3]);
    });
  });

  it('cuts the connection', async () => {
    const effect = await during(request({ dropConnection: true }), async (channel, client) => {
      const failed = new Promise<NodeJS.ErrnoException>((resolve) => client.once('error', resolve));
      watched(channel);
      channel.sendToQueue('orders', Buffer.from('a'));
      assert.equal((await failed).code, 'ECONNRESET');
    });
    assert.deepEqual([effect.bitten, figures(effect)], [true, [['drop rate', 1, 1, 1]]]);
  });

  it('takes only messages with all of the headers', async () => {
    const effect = await during(request({ dropMessage: true, dropReply: 'nack', matchHeaders: { 'X-Tier': 'free', n: '7' } }), async (channel) => {
      assert.deepEqual(await publishAll(channel, 'orders', ['a'], { headers: { 'x-tier': 'free', n: 7 } }), [1]);
      for (const headers of [{ 'x-tier': 'free' }, { 'x-tier': 'free', n: 8 }, {}]) assert.deepEqual(await publishAll(channel, 'orders', ['a'], { headers }), []);
    });
    assert.deepEqual(figures(effect), [['loss rate', 1, 1, 1]]);
  });

  it('says why it has not bitten', async () => {
    const effect = await during(request({ dropMessage: true }, { target: 'elsewhere' }), async (channel) => void (await publishAll(channel, 'orders', ['a'])));
    assert.equal(effect.bitten, false);
    assert.equal(effect.detail, 'no message reached route r elsewhere; it is the routing key of what is published, and the queue of what is delivered');
    const asked = request({ dropMessage: true }, { routes: [] });
    await assert.rejects(rabbitmqInjector(onWire(stage.wire)).plan(asked, new AbortController().signal), /there is no rabbitmq route/);
  });
});
