import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { told } from '../../../test/wire/rabbitmq/words.ts';
import { Dice } from '../../../test/fuzz/mutate.ts';
import { Confirms } from './confirms.ts';
import { Tags } from './tags.ts';

describe('numbers of messages', () => {
  it('are found and settled as in a plain list, however it grows and turns round', () => {
    const dice = new Dice(7);
    const tags = new Tags();
    let plain: { client: number; broker: number; open: boolean }[] = [];
    let [client, broker] = [0, 0];
    for (let n = 0; n < 5_000; n++) {
      client += 1 + dice.below(2);
      broker += 1 + dice.below(3);
      tags.push(client, broker);
      plain.push({ client, broker, open: true });
      while (dice.below(3) > 0 && plain.length > 0) {
        const chosen = plain[dice.below(plain.length)] as (typeof plain)[number];
        const index = tags.byClient(chosen.client);
        assert.equal(index, chosen.open ? plain.indexOf(chosen) : -1);
        assert.equal(tags.byBroker(chosen.broker), index);
        assert.equal(tags.byClient(chosen.client + 0.5), -1);
        if (index < 0) break;
        if (dice.below(4) === 0) {
          tags.settleUpTo(index);
          plain = plain.slice(index + 1);
        } else {
          tags.settle(index);
          chosen.open = false;
        }
        while (plain.length > 0 && plain[0]?.open === false) plain.shift();
        assert.equal(tags.size, plain.length);
        assert.equal(tags.youngest(), plain.findLastIndex(({ open }) => open));
      }
    }
    assert.ok(plain.length > 0);
  });
});

describe('confirms', () => {
  /** What the publisher hears, by the numbers that it counts itself. */
  const heard = (act: (confirms: Confirms) => void): string[] => {
    const frames: Buffer[] = [];
    const confirms = new Confirms(1, (frame) => frames.push(frame));
    confirms.on = true;
    act(confirms);
    return told(Buffer.concat(frames));
  };
  const passed = (confirms: Confirms, times: number): void => {
    for (let n = 0; n < times; n++) confirms.passed();
  };

  it('are passed on as they are until a message is withheld', () => {
    assert.deepEqual(
      heard((confirms) => {
        passed(confirms, 5);
        assert.ok(confirms.settled(2, false, true));
        assert.ok(confirms.settled(4, true, false));
        assert.ok(confirms.settled(5, false, true));
      }),
      [],
    );
  });

  it('of withheld messages wait for those before them, and the others are renumbered', () => {
    const lines = heard((confirms) => {
      passed(confirms, 2);
      confirms.withheld(true); // 3
      passed(confirms, 1); // the broker's 3 is the publisher's 4
      confirms.withheld(false); // 5
      passed(confirms, 2); // 4 and 5 are 6 and 7
      assert.equal(confirms.settled(2, false, true), false);
      assert.equal(confirms.settled(1, false, true), false);
      assert.equal(confirms.settled(4, false, false), false);
      assert.equal(confirms.settled(5, true, true), false);
    });
    assert.deepEqual(lines, ['1 ack 2', '1 ack 1', '1 ack 3', '1 nack 6', '1 ack 4 multiple', '1 nack 5', '1 ack 7 multiple']);
  });

  it('that settle many at once say of no withheld message what is not so', () => {
    const lines = heard((confirms) => {
      confirms.withheld(true); // 1: nothing is before it
      passed(confirms, 2); // 2, 3
      confirms.withheld(false); // 4
      confirms.withheld(false); // 5
      passed(confirms, 1); // 6
      confirms.settled(3, true, true);
    });
    assert.deepEqual(lines, ['1 ack 1', '1 ack 3 multiple', '1 nack 4', '1 nack 5', '1 ack 6 multiple']);
  });

  it('that come twice, or for what was never published, are not invented', () => {
    const lines = heard((confirms) => {
      passed(confirms, 1);
      confirms.withheld(true);
      confirms.settled(1, false, true);
      confirms.settled(1, false, true);
      confirms.settled(9, false, true);
    });
    assert.deepEqual(lines, ['1 ack 1', '1 ack 2']);
  });
});
