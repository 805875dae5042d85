import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { eventually } from './crash/harness.ts';
import { endShared } from './crash/shared.ts';
import { livesThrough } from './bad-targets-life.ts';
import { type PlaceCase, PLACES } from './bad-targets-places.ts';

/** How long whoever is told to end may take, in milliseconds. */
const SETTLED = 10_000;

describe('a target that is not what it was', { timeout: 400_000 }, () => {
  after(endShared);
  for (const place of PLACES) {
    test(`${place.name}: it is noticed, nothing else is hit`, { skip: place.skip, timeout: 120_000 }, async () => {
      await before(place);
      for (const by of ['its engine', 'another process'] as const) await during(place, by);
    });
  }

  async function before({ make, before: says }: PlaceCase): Promise<void> {
    await using place = await make();
    let untouched: unknown;
    const ended = await livesThrough(place.wanted, {
      before: async () => {
        await place.happens();
        untouched = await place.innocent();
      },
    });
    assert.match(ended.words, says, `before: ${ended.words}`);
    assert.deepEqual([ended.bitten, ended.open], [false, 0], ended.words);
    await eventually('nothing is left', place.clean, SETTLED);
    await eventually('nothing else is hit', async () => isDeepStrictEqual(await place.innocent(), untouched), SETTLED, () => ended.words);
  }

  async function during({ make, during: says, ends = 'clean' }: PlaceCase, by: 'its engine' | 'another process'): Promise<void> {
    await using place = await make();
    let untouched: unknown;
    const ended = await livesThrough(place.wanted, {
      during: async () => {
        await place.happens();
        untouched = await place.innocent();
      },
      says,
    }, by, ends === 'unconfirmed');
    assert.match(ended.words, says, `${by}: ${ended.words}`);
    assert.deepEqual([ended.states, ended.open], [[ends], ends === 'clean' ? 0 : 1], `${by}: ${ended.words}`);
    await eventually('nothing is left', place.clean, SETTLED);
    await eventually('nothing else is hit', async () => isDeepStrictEqual(await place.innocent(), untouched), SETTLED, () => ended.words);
  }
});
