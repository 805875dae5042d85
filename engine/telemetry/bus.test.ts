import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../kernel/clock.ts';
import { createBus } from './bus.ts';
import { type EngineEvent, type EventBody } from './models.ts';

const log = (text: string): EventBody => ({ kind: 'log', level: 'info', text });
const textOf = ({ body }: EngineEvent): string => (body.kind === 'log' ? body.text : body.kind);

test('events are numbered in order, and the ring keeps the newest', () => {
  const bus = createBus(new VirtualClock(), 3);
  for (const text of ['a', 'b', 'c', 'd']) bus.publish('r', log(text));
  assert.deepEqual(
    bus.recent().map(({ seq, body }) => [seq, body.kind === 'log' && body.text]),
    [
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
    ],
  );
  assert.deepEqual(bus.recent(1).map(textOf), ['d']);
  assert.equal(bus.lastSeq, 4);
});

test('a listener gets what comes after `since`, each event once, until disposed', () => {
  const bus = createBus(new VirtualClock());
  for (const text of ['a', 'b']) bus.publish('r', log(text));
  const [all, rest, fresh]: [string[], string[], string[]] = [[], [], []];
  const first = bus.subscribe((event) => all.push(textOf(event)), 0);
  bus.subscribe((event) => rest.push(textOf(event)), 1);
  bus.subscribe((event) => fresh.push(textOf(event)));
  bus.publish('r', log('c'));
  first[Symbol.dispose]();
  bus.publish('r', log('d'));
  assert.deepEqual(
    [all, rest, fresh],
    [
      ['a', 'b', 'c'],
      ['b', 'c', 'd'],
      ['c', 'd'],
    ],
  );
});

test('a listener that publishes keeps the order for everybody', () => {
  const bus = createBus(new VirtualClock());
  const [before, after, late]: [number[], number[], number[]] = [[], [], []];
  bus.subscribe(({ seq }) => before.push(seq));
  bus.subscribe((event) => {
    if (textOf(event) !== 'ask') return;
    bus.publish('r', log('answer'));
    // Replayed from the ring and not given again when its turn comes.
    bus.subscribe(({ seq }) => late.push(seq), 0);
  });
  bus.subscribe(({ seq }) => after.push(seq));
  bus.publish('r', log('ask'));
  assert.deepEqual(
    [before, after, late],
    [
      [1, 2],
      [1, 2],
      [1, 2],
    ],
  );
});

test('a listener that throws is removed with its error logged; the publisher goes on', () => {
  const bus = createBus(new VirtualClock());
  const seen: string[] = [];
  bus.subscribe(() => {
    throw new Error('broken');
  });
  bus.subscribe((event) => seen.push(textOf(event)));
  bus.publish('r', log('a'));
  bus.publish('r', log('b'));
  assert.deepEqual(seen, ['a', 'an event listener failed and was removed: Error: broken', 'b']);
});
