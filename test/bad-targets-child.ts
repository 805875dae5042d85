import { isDeepStrictEqual } from 'node:util';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { temporary } from '../engine/lifecycle/test-parts.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { messageOf } from '../engine/kernel/errors.ts';
import { until } from '../engine/faults/process/test-fleet.ts';
import { readProcess } from '../engine/host/processes.ts';
import { type By, type Ended, livesThrough } from './bad-targets-life.ts';
import { OTHERS, undoneBy } from './bad-targets-others.ts';
import { FATES, type Fate, FAULTS, type Grounds, leftOf, pictureOf, type ProcessFault, type Result, startIdler } from './bad-targets-processes.ts';

/**
 * Runs in a process namespace and a network of its own, where a pid can be had again. Goes through every fault that has a process for its
 * target and everything that may become of that; says one JSON line for each.
 */

using dir = temporary();
// No question of these tests leaves this network.
const conf = join(dir.path, 'resolv.conf');
writeFileSync(conf, 'nameserver 127.0.0.1\n');
execFileSync('mount', ['--bind', conf, '/etc/resolv.conf']);
// libfaketime keeps something there for each pid.
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/dev/shm']);

/** The kernel tells start times in hundredths of a second: nobody gets a pid again so fast but in a test. Milliseconds. */
const TICK = 20;

for (const fault of FAULTS) {
  if ((fault.skip ?? '') !== '' && fault.skip !== false) continue;
  for (const fate of FATES) {
    const problem = await undergo(fault, fate).catch((error: unknown) => `failed: ${error instanceof Error ? error.stack : messageOf(error)}`);
    process.stdout.write(`${JSON.stringify({ fault: fault.name, fate, problem } satisfies Result)}\n`);
  }
}

for (const other of OTHERS) {
  const problem = await undoneBy(other, TICK).catch((error: unknown) => `failed: ${error instanceof Error ? error.stack : messageOf(error)}`);
  process.stdout.write(`${JSON.stringify({ fault: other, fate: 'its pid used again while held', problem } satisfies Result)}\n`);
}

/** @returns what is wrong, or ''. */
async function undergo(fault: ProcessFault, fate: Fate): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const word = `idler-${randomBytes(6).toString('hex')}`;
  const grounds: Grounds = { word, folder: join(dir.path, word) };
  mkdirSync(grounds.folder);
  const env = fault.env?.(grounds) ?? {};
  const { through = [] } = fault;
  const target = stack.use(await startIdler(grounds, { through, env }));
  await realClock.sleep(TICK);
  let innocent: { readonly before: unknown; readonly pid: number } | undefined;
  const replaced = fate.includes('again');
  const happens = async (): Promise<void> => {
    await target.kill();
    if (!replaced) return;
    const { pid } = stack.use(await startIdler(grounds, { pid: target.pid, env: {} }));
    // Somebody else has stopped it, and wants it to stay so; before the fault begins it runs.
    if (fate.includes('held')) process.kill(pid, 'SIGSTOP');
    await until('whoever got the pid stands as it should', () => readProcess(pid)?.state === (fate.includes('held') ? 'T' : 'S'));
    innocent = { before: pictureOf(pid), pid };
    if (fate.includes('held')) await realClock.sleep(fault.rounds ?? 0);
  };
  const by: By = fate.endsWith('another process') ? 'another process' : 'its engine';
  const ended = await livesThrough(fault.policy(target.pid, grounds), fate.includes('held') ? { during: happens } : { before: happens }, by, fault.forGood);
  const left = await leftOf(ended.token);
  if (innocent !== undefined && !isDeepStrictEqual(pictureOf(innocent.pid), innocent.before)) return `the innocent was hit: ${JSON.stringify([innocent.before, pictureOf(innocent.pid)])}; ${ended.words}`;
  if (left.length > 0) return `left: ${left.join(', ')}; ${ended.words}`;
  return saysSo(fault, fate, ended);
}

function saysSo(fault: ProcessFault, fate: Fate, { words, states, bitten, open }: Ended): string {
  const held = fate.includes('held');
  if (!held && bitten) return `it claims an effect: ${words}`;
  if (!/\bended\b|\bgone\b/.test(words) && !(held && fault.forGood === true)) return `it does not say that its target is gone: ${words || '(no word)'}`;
  // What was killed stays open until somebody brings it back: whoever got its pid is not it.
  const settledAs = fault.forGood === true && held ? 'unconfirmed' : 'clean';
  if (states.some((state) => state !== settledAs) || open !== (settledAs === 'clean' ? 0 : 1)) return `it ended ${states.join(', ')}, ${open} open: ${words}`;
  return '';
}
