import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ConsumeMessage } from 'amqplib';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import { Dice } from '../../fuzz/mutate.ts';
import { publishAll, type RabbitStage, watched } from './stage.ts';

const CHANNELS = 3;
const ROUNDS = 60;
const BATCH = 20;
/** A body that takes more than one frame. */
const LARGE = 'x'.repeat(150_000);

const POLICIES: readonly Partial<WirePolicy>[] = [
  { errorChance: 0.3, extra: { effect: 'ack' } },
  { errorChance: 0.3, extra: { effect: 'nack' } },
  { errorChance: 0.1, extra: { effect: 'requeue' } },
  { errorChance: 0.5, extra: { effect: 'ack' }, when: "rabbitmq.action == 'deliver'" },
  { latencyChance: 0.2, latencyMs: 3 },
];

/** Everything at once: both directions on the same channels, every way to settle, policies that come and go. */
export function storm(stage: () => RabbitStage): void {
  it('policies come and go while clients publish and settle in every way: each publish is answered once, no number is unknown', async () => {
    const client = await stage().client();
    const dice = new Dice(11);
    let [confirmed, refused, twice, over] = [0, 0, 0, false];
    const failed: string[] = [];
    const producers = Array.from({ length: CHANNELS }, async () => {
      const queue = stage().queue();
      const { channel, closed } = watched(await client.createConfirmChannel());
      void closed.then((error) => over || failed.push(error?.message ?? 'closed'));
      await channel.assertQueue(queue);
      await channel.prefetch(40);
      const seen = new Set<string>();
      let open: ConsumeMessage[] = [];
      const upTo = (tag: number): void => void (open = open.filter(({ fields }) => fields.deliveryTag > tag));
      await channel.consume(queue, (message) => {
        if (message === null) return;
        const body = message.content.subarray(0, 12).toString();
        if (seen.has(body) && !message.fields.redelivered) twice++;
        seen.add(body);
        open.push(message);
        const one = dice.pick(open);
        const { deliveryTag } = one.fields;
        const way = open.length > 30 ? 2 : dice.below(20);
        if (way < 2) channel.nack(one, false, true);
        else if (way < 4) channel.ack(one, true);
        else if (way < 5) channel.nack(one, true, true);
        else if (way < 12) channel.ack(one);
        else return;
        if (way === 2 || way === 3 || way === 4) upTo(deliveryTag);
        else open = open.filter((other) => other !== one);
      });
      for (let round = 0; round < ROUNDS; round++) {
        const bodies = Array.from({ length: BATCH }, (_, n) => `${String(round * BATCH + n).padStart(12, '0')}${dice.below(50) === 0 ? LARGE : ''}`);
        const no = (await publishAll(channel, queue, bodies)).length;
        refused += no;
        confirmed += BATCH - no;
      }
    });
    const done = Promise.all(producers).then(() => (over = true));
    while (!over) {
      const policy = await stage().add({ ...dice.pick(POLICIES), seed: dice.below(1_000_000) });
      for (let turns = dice.below(60); turns > 0 && !over; turns--) await new Promise((resolve) => setImmediate(resolve));
      await stage().wire.remove(policy.id);
    }
    await done;
    assert.deepEqual(failed, []);
    assert.equal(confirmed + refused, CHANNELS * ROUNDS * BATCH);
    assert.equal(twice, 0);
    assert.ok(stage().route.faults > 0);
  });
}
