import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { type Line, messageLine } from '../../stores/lines.ts';
import { Log } from '../../stores/log.ts';
import { type Filter } from './filter.ts';
import { Journal, MOST_LINES } from './journal.ts';

/** The page's frames and tasks, run when a test says so. */
let frames: (() => void)[] = [];
let tasks: (() => void)[] = [];
let time = 0;
let told = 0;
const run = (queue: (() => void)[]): void => queue.splice(0).forEach((work) => work());
/** Frames until nothing asks for another one. */
const settle = (): void => {
  while (frames.length > 0) run(frames);
};
Object.assign(globalThis, { requestAnimationFrame: (work: () => void) => frames.push(work) });

const OPEN: Filter = { source: '', protocol: '', method: '', touched: false, passing: true, samples: true, search: '' };
const line = (target: string, route = 'a'): Line =>
  messageLine({
    seq: 1,
    at: 0,
    route,
    protocol: 'http',
    method: 'GET',
    target,
    action: 'pass',
    policy: '',
    delayMs: 0,
    status: null,
    traceId: '',
    requestId: '',
    head: '',
  });
const many = (count: number, from = 0): Line[] =>
  Array.from({ length: count }, (_, index) => line(`/${from + index}`, index % 2 === 0 ? 'even' : 'odd'));

let one: Log<Line>;
let other: Log<Line>;
const open = (filter: Partial<Filter> = {}): Journal => {
  const journal = new Journal({
    sources: [one, other],
    filter: { ...OPEN, ...filter },
    now: () => time,
    later: (work) => void tasks.push(work),
    frame: (work) => void frames.push(work),
  });
  journal.subscribe(() => told++);
  return journal;
};
const targets = (journal: Journal): string[] => journal.lines.map(({ target }) => target);
beforeEach(() => {
  [frames, tasks, time, told] = [[], [], 0, 0];
  one = new Log(MOST_LINES);
  other = new Log(MOST_LINES);
});

test('lines of several sources stand in order of arrival, those of before included', () => {
  one.push(line('/1'));
  other.push(line('/2'));
  const journal = open();
  const [third, fourth] = [line('/3'), line('/4')];
  other.push(fourth);
  one.push(third);
  settle();
  assert.deepEqual(targets(journal), ['/1', '/2', '/3', '/4']);
});

test('however many lines come, listeners are told once a frame', () => {
  open();
  settle();
  told = 0;
  for (let i = 0; i < 500; i++) (i % 2 === 0 ? one : other).push(line(`/${i}`));
  settle();
  assert.equal(told, 1);
});

test('the newest ten thousand are shown; the rest is forgotten', () => {
  const journal = open();
  for (let batch = 0; batch < 15; batch++) {
    one.push(...many(2_000, batch * 2_000));
    settle();
  }
  assert.equal(journal.lines.length, MOST_LINES);
  assert.equal(journal.lines.at(-1)?.target, '/29999');
  assert.ok(one.items.length <= MOST_LINES * 1.25);
});

test('paused, the list stands still and counts; resumed, nothing is missing', () => {
  const journal = open({ source: 'even' });
  one.push(...many(4));
  settle();
  journal.pause();
  const standing = journal.lines;
  one.push(...many(6, 4));
  settle();
  assert.equal(journal.lines, standing);
  assert.equal(journal.came, 3, 'only what the filter lets through counts');
  journal.resume();
  assert.deepEqual(targets(journal), ['/0', '/2', '/4', '/6', '/8']);
  assert.equal(journal.came, 0);
});

test('what stood still can be filtered after its source has forgotten it', () => {
  const journal = open();
  one.push(line('/rare'), ...many(50));
  settle();
  journal.pause();
  for (let batch = 0; batch < 10; batch++) one.push(...many(2_000));
  settle();
  assert.ok(!one.items.some(({ target }) => target === '/rare'));
  journal.setFilter({ ...OPEN, search: 'rare' });
  settle();
  assert.deepEqual(targets(journal), ['/rare']);
  journal.resume();
  assert.deepEqual(targets(journal), ['/rare']);
});

test('another filter is brought into force in pieces; the old list stands meanwhile and nothing is lost', () => {
  one.push(...many(6_000));
  const journal = open();
  settle();
  const before = journal.lines;
  // Each look at the clock costs 5 ms: a piece of 8 ms ends at its second look.
  let looks = 0;
  const slow = new Journal({
    sources: [one, other],
    filter: OPEN,
    now: () => 5 * looks++,
    later: (work) => void tasks.push(work),
    frame: (work) => void frames.push(work),
  });
  slow.subscribe(() => told++);
  assert.ok(slow.testing && slow.lines.length === 0);
  let pieces = 1;
  one.push(...many(2, 6_000));
  for (; tasks.length > 0; pieces++) {
    settle();
    run(tasks);
  }
  settle();
  assert.ok(pieces > 5, `${pieces} pieces`);
  assert.deepEqual(targets(slow), [...before.map(({ target }) => target), '/6000', '/6001']);

  slow.setFilter({ ...OPEN, source: 'odd' });
  const standing = slow.lines;
  assert.ok(slow.testing && standing.length === 6_002, 'the old list stands');
  slow.setFilter({ ...OPEN, search: '/6001' });
  while (tasks.length > 0) run(tasks);
  settle();
  assert.deepEqual(targets(slow), ['/6001'], 'the newest filter wins');
});

test('without listeners it costs nothing', () => {
  const journal = new Journal({
    sources: [one],
    filter: OPEN,
    now: () => time,
    later: (work) => void tasks.push(work),
    frame: (work) => void frames.push(work),
  });
  const leave = journal.subscribe(() => told++);
  leave();
  told = 0;
  one.push(line('/1'));
  settle();
  assert.equal(told, 0);
});
