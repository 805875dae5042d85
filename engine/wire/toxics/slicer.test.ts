import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PreciseTimer } from '../../kernel/precise-timer.ts';
import { createShared, Shard } from '../shared.ts';
import { Slicer } from './slicer.ts';
import type { Toxic } from './spec.ts';

const TOXIC: Toxic = {
  kind: 'slicer', stream: 'upstream', toxicity: 1, latency: 0, jitter: 0, rate: 0, wait: 0, averageSize: 1, sizeVariation: 0, pause: 0, bytes: 0, chance: 0,
  pieceSize: 1, id: 't', policy: 't', slot: 0, route: '', seed: 1, key: 1,
};
const nothing = (): void => {};

/** Milliseconds to slice so many bytes, one by one; checks that they arrive in order. */
function slice(size: number): number {
  const slicer = new Slicer(TOXIC, {
    number: 0, timer: new PreciseTimer(), shard: new Shard(createShared(1), 0), acted: nothing, cutAfter: nothing, finish: nothing, resetBoth: nothing, freed: nothing,
  });
  const bytes = Buffer.from(Array.from({ length: size }, (_, i) => i % 251));
  const pieces: Uint8Array[] = [];
  slicer.next = { take: (piece) => void pieces.push(piece), end: nothing, full: false };
  const began = performance.now();
  slicer.take(bytes, true);
  const took = performance.now() - began;
  assert.equal(pieces.length, size);
  assert.ok(Buffer.concat(pieces).equals(bytes));
  return took;
}

describe('the slicer', () => {
  it('does not hold up its thread over many small pieces: eight times as many take about eight times as long', () => {
    slice(8_192);
    const few = Math.min(slice(8_192), slice(8_192), slice(8_192));
    const many = slice(65_536);
    assert.ok(many < 200 * Math.max(few, 1), `${many.toFixed(1)} ms against ${few.toFixed(1)} ms`);
  });
});
