import assert from 'node:assert/strict';
import { test } from 'node:test';
import { millis } from '../../kernel/brands.ts';
import { VirtualClock } from '../../kernel/clock.ts';
import { newFaultId, newRunId } from '../../kernel/random.ts';
import { processManifest } from './manifest.ts';
import { Rounds } from './rounds.ts';

test('a round that cannot see the processes ends the rounds, not the engine', { skip: process.platform === 'win32' }, async () => {
  const clock = new VirtualClock();
  const troubles = { blind: false };
  const room = () => {
    if (troubles.blind) throw new Error('too many open files');
    return { self: process.pid, own: [], ssh: false };
  };
  const target = 'pid:4194304';
  const context = {
    fault: newFaultId(),
    request: {
      run: newRunId(), policy: 'kill', type: 'process', target, route: '', routes: [], ignored: [], seed: 1,
      hold: millis(60_000), params: processManifest.params.parse({ action: 'kill', interval: '1s', jitter: 0 }),
    },
    signal: new AbortController().signal,
    amend: () => {},
    injected: () => {},
  };
  using rounds = new Rounds({ token: 'a-test-token', action: 'kill', target, fleet: 1, touched: [] }, context, clock, room);
  rounds.begin();
  await clock.advance(2_500);
  assert.equal(rounds.measure().detail, 'no process has been chosen yet');
  troubles.blind = true;
  await clock.advance(10_000);
  assert.match(rounds.measure().detail, /no further rounds: too many open files/);
});
