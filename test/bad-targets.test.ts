import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { missingPrograms } from '../engine/host/server-process.ts';
import { OTHERS } from './bad-targets-others.ts';
import { FATES, FAULTS, type Result } from './bad-targets-processes.ts';
import { noLimits } from './crash/machine-scenes.ts';
import { noFreezer } from './crash/scenes.ts';

/** Processes that are not what a fault was planned for any more, in a process namespace where a pid can be had again. */

const APART = ['--pid', '--net', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', 'ip link set lo up; "$@"; exit $?', 'sh'];
const skip = process.geteuid?.() === 0 ? missingPrograms('unshare', 'ip') : 'only root can have a pid again';

describe('a process that has gone, and whoever gets its pid', { skip, timeout: 300_000 }, () => {
  const results: Result[] = [];
  let child: ChildProcess;
  let ended: Promise<unknown>;
  let more = (): void => {};
  let errors = '';
  let over = false;
  before(() => {
    child = spawn('unshare', [...APART, process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'bad-targets-child.ts')], { stdio: ['ignore', 'pipe', 'pipe'] });
    ended = once(child, 'close').then(() => (over = true)).finally(() => more());
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        results.push(JSON.parse(line) as Result);
        more();
      });
    }
  });
  after(async () => {
    child.kill('SIGKILL');
    await ended;
  });

  async function resultsOf(name: string, count: number): Promise<readonly Result[]> {
    const mine = (): Result[] => results.filter(({ fault }) => fault === name);
    while (mine().length < count && !over) await new Promise<void>((resolve) => (more = resolve));
    return mine();
  }

  for (const { name, skip: why = false } of FAULTS) {
    test(`${name}: it is noticed, nobody else is hit, nothing stays`, { skip: why }, async () => {
      const mine = await resultsOf(name, FATES.length);
      assert.deepEqual(mine.map(({ fate, problem }) => `${fate}: ${problem || 'all is well'}`), FATES.map((fate) => `${fate}: all is well`), errors);
    });
  }

  for (const other of OTHERS) {
    test(`undone by ${other} after its engine was killed: whoever got the pids is not touched`, { skip: noFreezer() || noLimits() }, async () => {
      assert.deepEqual((await resultsOf(other, 1)).map(({ problem }) => problem), [''], errors);
    });
  }
});
