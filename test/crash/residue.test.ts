import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { noWorld } from '../../engine/faults/network/test-world.ts';
import { plantOnMachine } from './foreign.ts';
import { pageOf, type WayCount } from './residue-table.ts';

describe('what residue runs go by', () => {
  test('what others have planted is dumped whole: whatever is changed in it shows, and all of it goes at the end', { skip: noWorld() }, () => {
    const name = `foreign-${randomBytes(3).toString('hex')}`;
    const run = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const within = (...command: readonly string[]): string => run('ip', 'netns', 'exec', name, ...command);
    run('ip', 'netns', 'add', name);
    try {
      using planted = plantOnMachine(['ip', 'netns', 'exec', name]);
      const first = planted.dump();
      assert.equal(planted.dump(), first, 'nothing of it changes by itself');
      const find = (pattern: RegExp): string => pattern.exec(first)?.[1] ?? assert.fail(`${pattern} in ${first}`);
      const [dev, table, chain] = [find(/oifname "(\w+)"/), find(/table inet (\w+)/), find(/(FOREIGN-\w+)/)];
      const [limits, disk] = [find(/^(\/.*)\/pids\.max: /m), find(/ (\/\S*foreign-\w+) /)];
      const changes: readonly (() => unknown)[] = [
        () => within('nft', `add rule inet ${table} c accept`),
        () => within('iptables', '-w', '-A', chain, '-j', 'RETURN'),
        () => within('tc', 'qdisc', 'del', 'dev', dev, 'ingress'),
        () => within('tc', 'qdisc', 'replace', 'dev', dev, 'root', 'handle', '1:', 'tbf', 'rate', '5mbit', 'burst', '32k', 'latency', '50ms'),
        () => writeFileSync(join(limits, 'pids.max'), '51'),
        () => writeFileSync(join(disk, readdirSync(disk)[0] ?? ''), 'of nobody'),
        () => run('mount', '-o', 'remount,ro', disk),
      ];
      let before = first;
      for (const change of changes) {
        change();
        const after = planted.dump();
        assert.notEqual(after, before, String(change));
        before = after;
      }
      planted[Symbol.dispose]();
      assert.deepEqual([existsSync(limits), existsSync(disk)], [false, false]);
      assert.doesNotMatch(within('nft', 'list', 'ruleset') + within('ip', 'link'), new RegExp(`${table}|${chain}|${dev}`));
    } finally {
      run('ip', 'netns', 'del', name);
    }
  });

  test('the page tells by fault and by who died how many ways were gone, and what was left', () => {
    const way = (fault: string, dies: WayCount['dies'], runs: number, left = 0): WayCount => ({ fault, dies, runs, left });
    const page = pageOf({
      ways: [way('slow disk', 'both', 2, 1), way('slow disk', 'both', 0), way('clock', 'the room', 3)],
      left: ['slow disk, both killed, bitten: it is slow'], notReached: ['clock, the room killed, closed: too busy'], foreign: ['a table of nft', 'a mount'], missing: { 'full disk': 'no disk' }, minutes: 3,
    });
    assert.match(page, /\*\*5 runs, residue in 1: a rate of 20\.00 %\.\*\* 2 of 3 ways/);
    assert.match(page, /compared byte for byte before and after each run: a table of nft, a mount\./);
    const rows = page.split('\n').filter((line) => line.startsWith('| ')).slice(1);
    assert.deepEqual(rows, ['| clock | 1 of 1 | – | – | – | 3 |', '| slow disk | – | – | – | 1 of 2, **1 left** | 2 |', '| **all** | 1 of 1 | – | – | 1 of 2, **1 left** | 5 |']);
    for (const line of ['slow disk, both killed, bitten: it is slow', 'clock, the room killed, closed: too busy', 'full disk: no disk']) assert.ok(page.includes(`- ${line}\n`), line);
  });
});
