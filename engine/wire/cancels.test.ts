import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cancelKey, Cancels } from './cancels.ts';
import { CANCEL_SLOTS, createShared } from './shared.ts';

const shared = createShared(2);
const [one, other] = [new Cancels(shared, 0), new Cancels(shared, 1)];
const link = { reset: (): void => {}, route: { failed: (error: unknown) => assert.fail(String(error)) } };
const key = (text: string, slot = 0): bigint => cancelKey(slot, Buffer.from(text));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what is held and may be cancelled', () => {
  it('is cancelled once, through any worker, by who knows its key', async () => {
    for (const canceller of [one, other]) {
      let cancelled = 0;
      const offer = one.offer(key('a'), link, () => void cancelled++);
      assert.deepEqual([canceller.cancel(key('b')), canceller.cancel(key('a', 1))], [false, false], 'another key, another route');
      assert.deepEqual([canceller.cancel(key('a')), canceller.cancel(key('a'))], [true, false]);
      while (cancelled === 0) await turn();
      assert.equal(offer?.withdraw(), false);
      assert.equal(cancelled, 1);
    }
  });
  it('is not cancelled any more once it was withdrawn, and not withdrawn once it was cancelled', () => {
    const nobody = (): void => assert.fail('nobody is to hear of it');
    const gone = one.offer(key('a'), link, nobody);
    assert.equal(gone?.withdraw(), true);
    assert.equal(other.cancel(key('a')), false);
    const struck = one.offer(key('a'), link, nobody);
    assert.equal(other.cancel(key('a')), true);
    assert.deepEqual([struck?.withdraw(), other.cancel(key('a'))], [false, false]);
  });
  it('is so much at a time; what comes on top of that cannot be cancelled', () => {
    const offers = Array.from({ length: CANCEL_SLOTS }, (_, i) => one.offer(key(`${i}`), link, () => {}));
    assert.equal(one.offer(key('more'), link, () => {}), undefined);
    offers.forEach((offer) => assert.ok(offer?.withdraw()));
    const again = one.offer(key('more'), link, () => {});
    assert.equal(offers.at(-1)?.withdraw(), false, 'its place is that of another one');
    assert.ok(again?.withdraw());
  });
  it('is forgotten with the worker that held it', () => {
    one.offer(key('a'), link, () => {});
    const next = new Cancels(shared, 0);
    assert.equal(next.cancel(key('a')), false);
  });
  it('costs no more than its own connection when going on fails', async () => {
    const failures: unknown[] = [];
    let resets = 0;
    const route = { failed: (error: unknown) => void failures.push(error) };
    other.offer(key('bug'), { reset: () => void resets++, route }, () => {
      throw new Error('a bug');
    });
    let others = 0;
    other.offer(key('fine'), link, () => void others++);
    assert.ok(one.cancel(key('bug')) && one.cancel(key('fine')));
    while (others === 0) await turn();
    assert.deepEqual([failures.map(String), resets], [['Error: a bug'], 1]);
  });
});
