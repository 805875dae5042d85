import assert from 'node:assert/strict';
import { test } from 'node:test';
import { damage, PacketFates, type PacketOrder } from './packet-delays.ts';

const NONE: PacketOrder = { latency: 0, jitter: 0, correlation: 0, loss: 0, corruption: 0, reordering: 0 };
const COUNT = 100_000;
const fates = (order: Partial<PacketOrder>) => {
  const all = new PacketFates({ ...NONE, ...order }, 42, 0);
  return Array.from({ length: COUNT }, () => all.next());
};
const near = (found: number, asked: number, within: number): void => assert.ok(Math.abs(found - asked) <= within, `${found} is not ${asked}`);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
/** How much each value is like the one before. */
function likeness(values: readonly number[]): number {
  const middle = mean(values);
  const by = (shift: number): number => mean(values.slice(1).map((value, i) => (value - middle) * ((values[i + 1 - shift] ?? 0) - middle)));
  return by(1) / by(0);
}

test('loses, damages and sends ahead the shares asked for', () => {
  const all = fates({ latency: 100, loss: 0.1, corruption: 0.2, reordering: 0.3 });
  const share = (of: (fate: (typeof all)[number]) => boolean): number => all.filter(of).length / COUNT;
  near(share(({ lost }) => lost), 0.1, 0.005);
  near(share(({ damaged }) => damaged !== undefined), 0.9 * 0.2, 0.005);
  near(share(({ early }) => early), 0.9 * 0.3, 0.005);
  assert.deepEqual(new Set(all.map(({ delay }) => delay)), new Set([0, 100]));
});

test('losses and delays that resemble each other keep their share and their spread', () => {
  for (const correlation of [0, 0.5, 0.9]) {
    const lost = fates({ loss: 0.2, correlation }).map((fate) => Number(fate.lost));
    near(mean(lost), 0.2, 0.01);
    near(likeness(lost), correlation, 0.02);
    const late = fates({ latency: 100, jitter: 50, correlation }).map(({ delay }) => delay);
    near(mean(late), 100, 1);
    near(Math.sqrt(mean(late.map((one) => (one - 100) ** 2)) * 3), 50, 1);
    near(likeness(late), correlation, 0.02);
    assert.ok(Math.min(...late) >= 50 && Math.max(...late) <= 150);
  }
});

test('the same seed gives the same fates, another one others', () => {
  const of = (seed: number, key: number) => {
    const all = new PacketFates({ ...NONE, latency: 10, jitter: 5, loss: 0.2 }, seed, key);
    return Array.from({ length: 20 }, () => all.next());
  };
  assert.deepEqual(of(1, 4), of(1, 4));
  assert.notDeepEqual(of(1, 4), of(2, 4));
  assert.notDeepEqual(of(1, 4), of(1, 0));
});

test('changes one bit behind the head of IP, and nothing where there is nothing', () => {
  for (const [first, head] of [[0x45, 20], [0x46, 24], [0x60, 40]] as const) {
    const packet = Buffer.alloc(head + 8);
    packet[0] = first;
    for (const where of [0, 0.5, 0.999_999]) {
      const changed = damage(packet, where);
      assert.ok(changed);
      const bits = [...changed].map((byte, i) => byte ^ (packet[i] ?? 0));
      assert.deepEqual(bits.slice(0, head), Array.from({ length: head }, () => 0));
      assert.equal(bits.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0), 1);
    }
    assert.equal(damage(packet.subarray(0, head), 0.5), undefined);
  }
});
