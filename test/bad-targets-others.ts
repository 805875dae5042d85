import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { until } from '../engine/faults/process/test-fleet.ts';
import { listProcesses, readProcess } from '../engine/host/processes.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { temporary } from '../engine/lifecycle/test-parts.ts';
import { openJournal } from '../engine/store/journal.ts';
import { type Idler, leftOf, pictureOf, startIdler } from './bad-targets-processes.ts';
import { cli, REAL } from './cli/process.ts';
import { eventually, logOf, NOTHING_LEFT, startChild } from './crash/harness.ts';
import { helped } from './crash/kill-helped.ts';

/** Who undoes what an engine has left that was killed, after others have got the pids of its targets. */
export const OTHERS = ['the watchdog', 'the helper', 'the next start'] as const;
export type Other = (typeof OTHERS)[number];

const FIELDS = ['type: process, action: stop, allow_last: true', 'type: process, action: freeze, allow_last: true', 'type: resource, memory_limit_mb: 256, pids_limit: 100'];

/** A stopped, a frozen and a limited process, whose pids go to others who are stopped by somebody else. @returns what is wrong, or ''. */
export async function undoneBy(other: Other, tick: number): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(temporary());
  const all = FIELDS.map((fields) => ({ fields, word: `idler-${randomBytes(6).toString('hex')}`, folder: dir.path }));
  const targets: Idler[] = [];
  for (const grounds of all) targets.push(stack.use(await startIdler(grounds)));
  await realClock.sleep(tick);
  const helper = other === 'the helper' ? stack.use(await helped(dir.path)) : undefined;
  const stateDir = join(dir.path, 'state');
  const text = `version: 1\npolicies:\n${all.map(({ fields, word }, index) => `  - { name: p${index}, target: "cmd:${word}", ${fields} }`).join('\n')}`;
  const engine = stack.use(startChild('./engine-child.ts', [stateDir, 'none', text], helper?.env));
  await engine.hears('active');
  const journals = [stateDir, ...(helper === undefined ? [] : [helper.helperState])].map((state) => stack.use(openJournal(state, realClock)));
  const open = (): readonly { readonly undo: unknown }[] => journals.flatMap((journal) => journal.open());
  const tokens = open().flatMap(({ undo }) => ((undo as { readonly token?: string }).token ?? []));

  const innocents: { readonly pid: number; readonly before: unknown }[] = [];
  for (const [index, target] of targets.entries()) {
    await target.kill();
    const grounds = all[index];
    if (grounds === undefined) continue;
    const { pid } = stack.use(await startIdler(grounds, { pid: target.pid }));
    process.kill(pid, 'SIGSTOP');
    await until('it is stopped', () => readProcess(pid)?.state === 'T');
    innocents.push({ pid, before: pictureOf(pid) });
  }
  if (other === 'the next start') {
    const watchdog = listProcesses().find(({ argv }) => argv.some((arg) => arg.endsWith('/watchdog.ts')) && argv.includes(stateDir));
    if (watchdog === undefined) return 'there is no watchdog';
    process.kill(watchdog.pid, 'SIGKILL');
  }
  await engine.kill();
  if (other === 'the next start') {
    const { code, out, err } = await cli(REAL, ['recover', '--json', '--state-dir', stateDir]);
    if (code !== 0) return `recover: ${out}${err}`;
  }
  await eventually('nothing is open', () => open().length === 0, NOTHING_LEFT, () => logOf(stateDir));
  const hit = innocents.filter(({ pid, before }) => !isDeepStrictEqual(pictureOf(pid), before));
  if (hit.length > 0) return `the innocent was hit: ${JSON.stringify(hit.map(({ pid, before }) => [before, pictureOf(pid)]))}`;
  const left = (await Promise.all(tokens.map(leftOf))).flat();
  return tokens.length !== FIELDS.length ? `only ${tokens.length} were held` : left.length > 0 ? `left: ${left.join(', ')}` : '';
}
