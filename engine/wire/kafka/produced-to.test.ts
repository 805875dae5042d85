import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FakeLink } from '../../../test/wire/fake-link.ts';
import type { Described } from '../subject.ts';
import { learnTopic } from './topic-ids.ts';
import { batch, request, talk } from './test-talk.ts';

const PRODUCE = 0;
const records = batch(0, [{ value: 'a' }]);
const produce = (version: number, transactionalId: string | null, topic: object): Buffer =>
  request(PRODUCE, version, 1, { transactionalId, acks: 1, timeoutMs: 30_000, topics: [{ ...topic, partitions: [{ partition: 3, records }] }] });

/** A connection that tells what passes, and what it tells. */
function told(): { link: FakeLink; lines: Described[] } {
  const link = talk();
  const lines: Described[] = [];
  Object.defineProperty(link.route.tap, 'wantsPassing', { get: () => true });
  link.route.acts.passed = (subject) => void lines.push(subject.describe());
  return { link, lines };
}

describe('what is told of records that pass to a broker while nobody judges them', () => {
  for (const version of [0, 2, 3, 8, 9, 12]) {
    it(`is their topic, as soon as it is here: Produce v${version}`, () => {
      for (const id of version < 3 ? [null] : [null, 'a-transaction']) {
        const whole = produce(version, id, { topic: 'orders' });
        const { link, lines } = told();
        // The head and the name come before the records.
        const name = whole.indexOf('orders') + 'orders'.length;
        link.client(whole.subarray(0, name + 1)).client(whole.subarray(name + 1)).client(whole);
        assert.deepEqual(lines.map(({ method, target }) => [method, target]), [['Produce', 'orders'], ['Produce', 'orders']]);
        assert.match(lines[0]?.head ?? '', /^Produce v\d+ orders from test$/);
        assert.ok(link.upstreamGot.equals(Buffer.concat([whole, whole])));
      }
    });
  }
  it('is the name of an id that metadata have told, and else none', () => {
    const [known, unknown] = [Buffer.alloc(16, 0xa1), Buffer.alloc(16, 0xa2)];
    learnTopic(known, 'bills');
    const { link, lines } = told();
    for (const topicId of [known, unknown]) link.client(produce(13, null, { topicId }));
    assert.deepEqual(lines.map(({ target }) => target), ['bills', '']);
  });
  it('is no topic where its name is not here yet, nor where the bytes say nonsense', () => {
    const whole = produce(9, null, { topic: 'orders' });
    for (let cut = 1; cut < whole.length; cut++) {
      const { link, lines } = told();
      link.client(whole.subarray(0, cut)).client(whole.subarray(cut));
      assert.ok(['', 'orders'].includes(lines[0]?.target ?? 'nothing told'), `${cut}`);
      for (const value of [0, 0x7f, 0xff]) {
        const spoilt = Buffer.from(whole);
        spoilt[cut] = value;
        told().link.client(spoilt);
      }
    }
  });
});
