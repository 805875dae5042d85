import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededStream } from '../kernel/random.ts';
import { apdexScore, type Outcome, percentile, SlidingWindow } from './window.ts';

const OPTIONS = { window: 10_000, every: 1_000, apdexT: 500, ema: 0.5 };
const good = (ended: number, latency = 10): Outcome => ({ sent: ended - latency, ended, ok: true, answered: true, latency });
const failed = (ended: number, latency = 10): Outcome => ({ ...good(ended, latency), ok: false });
const refused = (ended: number): Outcome => ({ sent: ended - 1, ended, ok: false, answered: false, latency: null });
const timedOut = (ended: number, timeout = 2_000): Outcome => ({ sent: ended - timeout, ended, ok: false, answered: false, latency: timeout });
const filled = (polls: readonly Outcome[], options = OPTIONS): SlidingWindow => {
  const window = new SlidingWindow(options);
  for (const poll of polls) window.add(poll);
  return window;
};

describe('percentile, nearest rank', () => {
  // The worked example of https://en.wikipedia.org/wiki/Percentile#Worked_examples_of_the_nearest-rank_method
  const golden: readonly [readonly number[], number, number | null][] = [
    [[15, 20, 35, 40, 50], 5, 15],
    [[15, 20, 35, 40, 50], 30, 20],
    [[15, 20, 35, 40, 50], 40, 20],
    [[15, 20, 35, 40, 50], 50, 35],
    [[15, 20, 35, 40, 50], 100, 50],
    [[3, 6, 7, 8, 8, 10, 13, 15, 16, 20], 25, 7],
    [[3, 6, 7, 8, 8, 10, 13, 15, 16, 20], 50, 8],
    [[3, 6, 7, 8, 8, 10, 13, 15, 16, 20], 75, 15],
    [[7], 99, 7],
    [[], 50, null],
  ];
  for (const [values, percent, expected] of golden) {
    it(`p${percent} of [${values.join(' ')}] is ${expected}`, () => assert.equal(percentile(values, percent), expected));
  }
  it('takes the 99th of a hundred, not the largest', () => {
    assert.equal(percentile(Array.from({ length: 100 }, (_, i) => i + 1), 99), 99);
  });
});

describe('Apdex', () => {
  it('knows satisfied, tolerating and frustrated, limits included', () => {
    assert.deepEqual(
      [0, 500, 500.1, 2_000, 2_000.1].map((latency) => apdexScore(true, latency, 500)),
      [1, 1, 0.5, 0.5, 0],
    );
    assert.equal(apdexScore(false, 1, 500), 0, 'a fast failure frustrates');
    assert.equal(apdexScore(false, null, 500), 0);
  });
  it('is the example of the specification: 60 satisfied, 30 tolerating, 10 frustrated give 0.75', () => {
    const polls = Array.from({ length: 100 }, (_, i) => good(10_000 + i, i < 60 ? 100 : i < 90 ? 1_000 : 3_000));
    assert.equal(filled(polls).figures(10_100).apdex, 0.75);
    assert.deepEqual(filled(polls).tally(10_100), { satisfied: 60, tolerating: 30, frustrated: 10 });
  });
  it('averages the newest poll in with its weight', () => {
    const window = filled([good(1_000)]);
    assert.equal(window.figures(1_000).apdex_ema, 1);
    window.add(failed(2_000));
    assert.equal(window.figures(2_000).apdex_ema, 0.5);
    window.add(good(3_000, 600));
    assert.equal(window.figures(3_000).apdex_ema, 0.5);
  });
});

describe('the figures', () => {
  it('are null until something was measured', () => {
    const figures = new SlidingWindow(OPTIONS).figures(5_000);
    assert.equal(figures.samples, 0);
    for (const [name, value] of Object.entries(figures)) if (name !== 'samples') assert.equal(value, null, name);
  });
  it('count success, samples and throughput', () => {
    const figures = filled([good(1_000), failed(2_000), refused(3_000), good(4_000)]).figures(4_990);
    assert.equal(figures.samples, 4);
    assert.equal(figures.success_rate, 0.5);
    // Three answers in the 4 s since the first poll was sent (at 990).
    assert.equal(figures.throughput, 0.75);
  });
  it('let a timeout count at the timeout and leave refused connections out of latency', () => {
    const figures = filled([good(1_000, 20), timedOut(3_000), refused(4_000), good(5_000, 30)]).figures(5_000);
    assert.deepEqual([figures.p50, figures.p95], [30, 2_000]);
    const none = filled([refused(1_000)]).figures(1_000);
    assert.deepEqual([none.p50, none.p99, none.success_rate, none.apdex], [null, null, 0, 0]);
  });
  it('measure availability by time, whatever the status', () => {
    const window = filled([good(10), failed(4_010), refused(6_001)]);
    // Sent at 0, 4,000 and 6,000: answered from 0 to 6,000, silent until 8,000.
    assert.equal(window.figures(8_000).availability, 0.75);
    // The window is (4,000, 14,000]: answered for 2 s of 10.
    assert.equal(window.figures(14_000).availability, 0.2);
    assert.equal(filled([refused(5)]).figures(5).availability, 0);
    assert.equal(filled([failed(5)]).figures(5).availability, 1);
  });
  it('count silence when it was, though the polls that met it end among newer ones', () => {
    // Silent from 1,000 to 3,000; the polls sent then are given up between 3,000 and 5,000.
    const outcomes = Array.from({ length: 20 }, (_, i) => i * 200).map((sent) => (sent >= 1_000 && sent < 3_000 ? timedOut(sent + 2_000) : good(sent + 10)));
    const window = filled(outcomes.toSorted((a, b) => a.ended - b.ended));
    assert.equal(window.figures(5_000).availability, 0.6);
    // A window shorter than the timeout: the newest that is known was sent before it, and was not answered.
    assert.equal(filled([good(10), timedOut(2_200)], { ...OPTIONS, window: 1_000 }).figures(2_200).availability, 0);
  });
  it('forget what left the window, and know what held when it began', () => {
    const window = filled([timedOut(2_000), good(3_000), refused(13_501)]);
    const figures = window.figures(13_501);
    assert.equal(figures.samples, 1);
    assert.equal(figures.success_rate, 0);
    assert.equal(figures.p99, null);
    assert.ok(Math.abs((figures.availability ?? -1) - 0.9999) < 1e-9, 'the poll before had been answered until this one was sent');
    assert.equal(window.figures(30_000).samples, 0);
    assert.deepEqual(window.tally(30_000), { satisfied: 0, tolerating: 0, frustrated: 0 });
    assert.equal(window.figures(30_000).success_rate, null);
  });
  it('do not claim a rate from one poll', () => {
    assert.equal(filled([good(1_000, 1)]).figures(1_000).throughput, 1);
  });
});

describe('adding one by one equals counting anew', () => {
  it('over 5,000 random polls', () => {
    const random = seededStream(42);
    const options = { ...OPTIONS, window: 3_000, every: 10 };
    const window = new SlidingWindow(options);
    const all: Outcome[] = [];
    let ended = 0;
    for (let i = 0; i < 5_000; i++) {
      ended += random() * 100;
      const dice = random();
      const latency = random() * 2_500;
      const poll = dice < 0.7 ? good(ended, latency) : dice < 0.8 ? failed(ended, latency) : dice < 0.9 ? refused(ended) : timedOut(ended);
      window.add(poll);
      all.push(poll);
      if (i % 50 !== 49) continue;
      const now = ended + random() * 50;
      const inside = all.filter((past) => past.ended > now - options.window);
      const latencies = inside.flatMap((past) => past.latency ?? []).sort((a, b) => a - b);
      const figures = window.figures(now);
      assert.equal(figures.samples, inside.length);
      const scores = inside.map((past) => apdexScore(past.ok, past.latency, options.apdexT));
      const count = (score: number): number => scores.filter((one) => one === score).length;
      assert.deepEqual(window.tally(now), { satisfied: count(1), tolerating: count(0.5), frustrated: count(0) });
      assert.equal(figures.success_rate, inside.filter((past) => past.ok).length / inside.length);
      assert.deepEqual([figures.p50, figures.p95, figures.p99], [50, 95, 99].map((percent) => percentile(latencies, percent)));
      assert.ok(Math.abs((figures.availability ?? -1) - availability(all, now, options.window)) < 1e-9);
    }
  });
});

/** The definition, word for word and slowly. */
function availability(all: readonly Outcome[], now: number, length: number): number {
  const polls = all.toSorted((a, b) => a.sent - b.sent);
  const start = Math.max(now - length, polls[0]?.sent ?? now);
  const up = polls.map((poll, i) => (poll.answered ? Math.max(0, (polls[i + 1]?.sent ?? now) - Math.max(start, poll.sent)) : 0));
  return up.reduce((sum, part) => sum + part, 0) / (now - start);
}
