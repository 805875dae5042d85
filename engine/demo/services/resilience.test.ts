import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../kernel/clock.ts';
import { CircuitBreaker } from './breaker.ts';
import { withRetry } from './retry.ts';

const OPTIONS = { window: 20, minimum: 10, threshold: 0.5, openFor: 2_000, trials: 3 };
const good = async (): Promise<boolean> => true;
const bad = async (): Promise<boolean> => false;
const itself = (result: boolean): boolean => result;

describe('the circuit breaker', () => {
  it('opens when half of the newest calls failed, and not before it has seen enough', async () => {
    const breaker = new CircuitBreaker(OPTIONS, new VirtualClock());
    for (let i = 0; i < 9; i++) await breaker.call(bad, itself);
    assert.equal(breaker.state, 'closed');
    await breaker.call(bad, itself);
    assert.equal(breaker.state, 'open');
    const nobody = async (): Promise<boolean> => assert.fail('an open circuit calls nobody');
    assert.equal(await breaker.call(nobody, itself), undefined);
  });
  it('stays closed while fewer than half fail, and counts a throw as a failure', async () => {
    const breaker = new CircuitBreaker(OPTIONS, new VirtualClock());
    for (let i = 0; i < 60; i++) await breaker.call(i % 5 < 3 ? good : bad, itself);
    assert.equal(breaker.state, 'closed');
    for (let i = 0; i < 20 && breaker.state === 'closed'; i++) {
      await assert.rejects(breaker.call(() => Promise.reject<boolean>(new Error('refused')), itself), /refused/);
    }
    assert.equal(breaker.state, 'open');
  });
  it('lets one trial through at a time, and closes after three good ones in a row', async () => {
    const clock = new VirtualClock();
    const breaker = new CircuitBreaker(OPTIONS, clock);
    for (let i = 0; i < 10; i++) await breaker.call(bad, itself);
    await clock.advance(1_999);
    assert.equal(breaker.state, 'open');
    await clock.advance(1);
    assert.equal(breaker.state, 'half-open');
    const slow = Promise.withResolvers<boolean>();
    const trial = breaker.call(() => slow.promise, itself);
    assert.equal(await breaker.call(good, itself), undefined, 'the second has to wait');
    slow.resolve(true);
    assert.equal(await trial, true);
    await breaker.call(good, itself);
    assert.equal(breaker.state, 'half-open');
    await breaker.call(good, itself);
    assert.equal(breaker.state, 'closed');
  });
  it('opens again for the whole time when a trial fails', async () => {
    const clock = new VirtualClock();
    const breaker = new CircuitBreaker(OPTIONS, clock);
    for (let i = 0; i < 10; i++) await breaker.call(bad, itself);
    await clock.advance(2_000);
    await breaker.call(good, itself);
    await breaker.call(bad, itself);
    await clock.advance(1_999);
    assert.equal(breaker.state, 'open');
    await clock.advance(1);
    for (let i = 0; i < 3; i++) await breaker.call(good, itself);
    assert.equal(breaker.state, 'closed', 'the good trial before the failed one does not count');
  });
});

describe('retrying', () => {
  const run = async (results: readonly number[]): Promise<{ result: number; at: number[] }> => {
    const clock = new VirtualClock();
    const at: number[] = [];
    const attempt = async (): Promise<number> => results[at.push(clock.now()) - 1] ?? Number.NaN;
    const result = await clock.runUntil(withRetry(attempt, (status) => status < 500, { tries: 3, backoff: 40 }, clock, () => 1), 1_000, 1);
    return { result, at };
  };
  it('ends with the first final result', async () => assert.deepEqual(await run([200, 500]), { result: 200, at: [0] }));
  it('backs off longer each time', async () => assert.deepEqual(await run([500, 500, 200]), { result: 200, at: [0, 40, 120] }));
  it('gives up after the last try', async () => assert.deepEqual(await run([500, 501, 502, 200]), { result: 502, at: [0, 40, 120] }));
});
