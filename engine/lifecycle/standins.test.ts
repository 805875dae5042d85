import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { type Bypass } from './bypass.ts';
import { type RouteMark } from './messages.ts';
import { StandIns } from './standins.ts';

const ROUTE: RouteMark = { name: 'shop', listen: '127.0.0.1:1', upstream: '127.0.0.1:2' };
const taken = (): FirebreakError =>
  new FirebreakError('listen-failed', 'taken', { cause: Object.assign(new Error('taken'), { code: 'EADDRINUSE' }) });

function scene(open: () => Promise<void>) {
  const clock = new VirtualClock();
  const listening = new Set<string>();
  const log: string[] = [];
  const openBypass = async (route: RouteMark): Promise<Bypass> => {
    await open();
    listening.add(route.listen);
    return {
      route, connections: 0, refusedSince: null,
      [Symbol.asyncDispose]: async () => void listening.delete(route.listen),
    };
  };
  return { clock, listening, log, standIns: new StandIns(clock, openBypass, (text) => log.push(text)) };
}

test('an address that is asked for while it is being taken is free when the answer comes', async () => {
  const opening = Promise.withResolvers<void>();
  const s = scene(() => opening.promise);
  s.standIns.take([ROUTE]);
  let released = false;
  const releasing = s.standIns.release([ROUTE.listen]).then(() => (released = true));
  await s.clock.advance(1_000);
  assert.equal(released, false, 'it may begin to listen at any moment');
  opening.resolve();
  await s.clock.runUntil(releasing);
  assert.deepEqual([[...s.listening], s.standIns.idle], [[], true]);
  assert.ok(!s.log.some((text) => text.startsWith('standing in')), s.log.join('\n'));
});

test('an address that the dead engine still holds is tried again, until somebody asks for it', async () => {
  let tries = 0;
  const s = scene(() => (tries++, Promise.reject(taken())));
  s.standIns.take([ROUTE]);
  await s.clock.advance(1_000);
  assert.ok(tries > 3, `${tries}`);
  await s.clock.runUntil(s.standIns.release([]));
  const before = tries;
  await s.clock.advance(10_000);
  assert.deepEqual([tries, s.standIns.idle], [before, true]);
});
