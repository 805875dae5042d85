import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Ends, type Way, WAYS } from '../../../test/wire/rabbitmq/ends.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';

const losing = (effect: Way, over: Partial<WirePolicy> = {}): Partial<WirePolicy> => ({ target: 'orders', errorChance: 1, extra: { effect }, ...over });
const ELSEWHERE: Partial<WirePolicy> = { target: 'elsewhere', errorChance: 1 };
const POLICIES = [[], [], [ELSEWHERE], ...WAYS.map((way) => [losing(way)]), [losing('ack', { everyNth: 2 })], [losing('nack', { everyNth: 3 })]];

/** What can happen next, each as often as it is named. */
const CALM = [
  'send', 'send', 'send', 'broker', 'broker', 'down', 'down', 'down', 'up', 'up', 'client', 'client', 'client', 'client',
  'all', 'all of some kind', 'one', 'up to one', 'flow', 'publish', 'policy',
] as const;
type Event = (typeof CALM)[number];
/** Clients that settle again and again before the broker has answered. */
const HASTY: readonly Event[] = [
  'send', 'send', 'send', 'broker', 'down', 'down', 'down', 'down', 'down', 'down', 'up', 'up', 'up', 'client', 'client', 'client', 'client',
  'all', 'all', 'all of some kind', 'policy',
];
const events = fc.constantFrom<readonly Event[]>(CALM, HASTY).chain((mix) => {
  const event = fc.record({ event: fc.constantFrom(...mix), choice: fc.nat(1_000) });
  return fc.noBias(fc.array(event, { minLength: 30, maxLength: 300, size: 'max' }));
});

function happen(ends: Ends, what: Event, choice: number): unknown {
  const way = WAYS[choice % WAYS.length] as Way;
  switch (what) {
    case 'send': return ends.send();
    case 'broker': return ends.brokerReads();
    case 'down': return ends.wireReadsDown();
    case 'up': return ends.wireReadsUp();
    case 'client': return ends.clientReads();
    case 'all': return ends.settleAll('ack');
    case 'all of some kind': return ends.settleAll(way);
    case 'one': return ends.settle(choice, way, false);
    case 'up to one': return ends.settle(choice, way, true);
    case 'flow': return ends.askFlow();
    case 'publish': return ends.publish();
    case 'policy': return ends.install(...(POLICIES[choice % POLICIES.length] ?? []));
  }
}

describe('deliveries that are settled and withheld in any order of events', () => {
  it('are in the books of broker and client alike: none is settled twice, none is left', () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 2, 5, 20), events, (prefetch, all) => {
        const ends = new Ends(prefetch);
        for (const [index, { event, choice }] of all.entries()) {
          happen(ends, event, choice);
          if (index % 100 !== 99) continue;
          ends.quiet();
          ends.check(WAYS);
        }
        ends.quiet();
        ends.check(WAYS);
        ends.settleAll('ack');
        ends.quiet();
        ends.check(WAYS);
        assert.deepEqual([...ends.outstanding], []);
      }),
      { numRuns: 600 },
    );
  });
});

describe('a policy that comes while a client settles all so far again and again', () => {
  /** Everything comes after as many ticks as it takes; the client settles after every so many messages. Returns how many came until one was withheld. */
  const until = (prefetch: number, delay: number, every: number, sends: number): number => {
    const ends = new Ends(prefetch, delay);
    let had = 0;
    const tick = (): void => {
      ends.now++;
      while (ends.brokerReads() || ends.wireReadsDown() || ends.wireReadsUp());
      for (let n = 0; n < sends; n++) ends.send();
      while (ends.clientReads());
      if (ends.received.length < had + every) return;
      had = ends.received.length;
      ends.settleAll('ack');
    };
    for (let n = 0; n < 5 * (delay + 1); n++) tick();
    ends.install(losing('nack', { everyNth: 2 }));
    const before = ends.sent;
    while (ends.link.totals.policy(0).errors === 0 && ends.sent < before + 10_000) tick();
    const came = ends.sent - before;
    // And it stays: from then on every second one is withheld, without exception.
    const [sent, errors] = [ends.sent, ends.link.totals.policy(0).errors];
    for (let n = 0; n < 200; n++) tick();
    ends.quiet();
    ends.check(['nack']);
    assert.ok(ends.link.totals.policy(0).errors - errors >= Math.floor((ends.sent - sent) / 2) - 1);
    return came;
  };

  it('takes hold within a few round trips, however fast the client is and however slow the broker', () => {
    for (const delay of [0, 1, 3, 10, 40]) {
      for (const sends of [1, 2, 10]) {
        for (const every of [1, 3, 7]) {
          const came = until(0, delay, every, sends);
          // A round trip between wire and broker, and little more.
          assert.ok(came <= sends * (2 * delay + 4), `${came} messages at ${sends} in a tick, of which ${delay} are one way, settled by ${every}`);
        }
      }
    }
  });
  it('takes hold when the broker waits for what is settled, too', () => {
    for (const delay of [0, 1, 3, 10, 40]) {
      for (const prefetch of [1, 2, 7, 20]) {
        for (const every of [1, 2, 7]) {
          if (every > prefetch) continue;
          const came = until(prefetch, delay, every, 3);
          assert.ok(came <= prefetch + 3, `${came} messages, ${prefetch} at once, settled by ${every}, ${delay} ticks one way`);
        }
      }
    }
  });
});
