import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Errand, inTime, Runner } from './errand.ts';

/** An errand that does what it is told next; counts how often it was opened and ended. */
function told(...answers: ('ok' | 'bad' | 'broken' | 'no-connection')[]) {
  const seen = { opened: 0, ended: 0 };
  const open = async (): Promise<Errand> => {
    if (answers[0] === 'no-connection') {
      answers.shift();
      throw new Error('nobody listens');
    }
    const own = ++seen.opened;
    let broken: Error | undefined;
    return {
      get broken() {
        return broken;
      },
      run: async () => {
        const answer = answers.shift();
        if (answer === 'broken') broken = new Error('cut');
        if (answer !== 'ok') throw broken ?? new Error('refused');
        return { own };
      },
      [Symbol.asyncDispose]: async () => void seen.ended++,
    };
  };
  return { seen, runner: new Runner(open) };
}

describe('an errand', { timeout: 60_000 }, () => {
  it('is done over one connection, which is made when it is first needed', async () => {
    const { seen, runner } = told('ok', 'ok');
    assert.equal(seen.opened, 0);
    assert.deepEqual(await runner.run(), { own: 1, tries: 1 });
    assert.deepEqual(await runner.run(), { own: 1, tries: 1 });
    assert.deepEqual(runner.tally, { done: 2, again: 0, failed: 0 });
    assert.deepEqual(runner.told, { own: 1 });
    await runner[Symbol.asyncDispose]();
    assert.equal(seen.ended, 1);
  });
  it('is tried once more, and no more than that', async () => {
    const { runner } = told('bad', 'ok', 'bad', 'bad', 'ok');
    assert.deepEqual(await runner.run(), { own: 1, tries: 2 });
    await assert.rejects(runner.run(), { message: 'refused' });
    assert.deepEqual(runner.tally, { done: 1, again: 2, failed: 1 });
    assert.deepEqual(await runner.run(), { own: 1, tries: 1 });
  });
  it('connects anew where it could not connect, and where its connection was cut', async () => {
    const { seen, runner } = told('no-connection', 'ok', 'broken', 'ok');
    assert.deepEqual(await runner.run(), { own: 1, tries: 2 });
    assert.deepEqual(await runner.run(), { own: 2, tries: 2 });
    assert.deepEqual(seen, { opened: 2, ended: 1 });
  });
  it('waits for nothing longer than it has patience', async () => {
    await assert.rejects(inTime(new Promise(() => {}), 'the delivery', 20), { message: 'the delivery took longer than 20 ms' });
    assert.equal(await inTime(Promise.resolve(1), 'this'), 1);
    await assert.rejects(inTime(Promise.reject(new Error('no')), 'this'), { message: 'no' });
  });
});
