import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../engine/kernel/errors.ts';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { NEEDS_ROOT, SCENES, SKIP } from './all-scenes.ts';
import { plantOnMachine } from './foreign.ts';
import { NotReached } from './harness.ts';
import { DYING, type Dying, killBesideHelper, killHelperAt, OF_HELPER } from './kill-helped.ts';
import { killEngine } from './kill.ts';
import { type Dies, pageOf, type WayCount } from './residue-table.ts';
import { endShared } from './shared.ts';

/**
 * `npm run residue [-- --runs N --from N --minutes N --at-once N --only TEXT FILE.md]`: kills the room, the helper or both with -9 at every boundary
 * of every fault, again and again, and counts what stays behind. Writes the table of the docs.
 */
const args = process.argv.slice(2);
const valueOf = (flag: string): string => (args.includes(flag) ? (args[args.indexOf(flag) + 1] ?? '') : '');
const wanted = Number(valueOf('--runs')) || 500;
/** How many of the ways, in the order that is always the same, an earlier run has gone already. */
const from = Number(valueOf('--from'));
/** No run begins after so many minutes; 0 = all are made. */
const minutes = Number(valueOf('--minutes'));
/** Runs wait for processes to start more than for anything else. */
const atOnce = Number(valueOf('--at-once')) || 2 * availableParallelism();
/** Faults with this in their name. */
const only = valueOf('--only');
const file = args.find((one) => one.endsWith('.md')) ?? join(import.meta.dirname, '../../assets/docs/residue.md');

const WHO: Readonly<Record<Dying, Dies>> = { engine: 'the room, beside a helper', helper: 'the helper', both: 'both' };
interface Way extends WayCount {
  readonly when: string;
  readonly run: () => Promise<unknown>;
}
const chosen = Object.entries(SCENES).filter(([fault]) => fault.includes(only));
const whyNot = (fault: string): string | false => SKIP[fault] ?? false;
const ways: readonly Way[] = chosen.filter(([fault]) => whyNot(fault) === false).flatMap(([fault, scene]) => {
  const way = (dies: Dies, when: string, run: () => Promise<unknown>): Way => ({ fault, dies, when, run, runs: 0, left: 0 });
  const alone = BOUNDARIES.map((at) => way('the room', at, () => killEngine(scene, at)));
  if (!NEEDS_ROOT.includes(fault)) return alone;
  const beside = DYING.flatMap((dying) => BOUNDARIES.map((at: Boundary) => way(WHO[dying], at, () => killBesideHelper(scene, at, dying))));
  const within = (['helper', 'both'] as const).flatMap((dying) => OF_HELPER.map((at) => way(WHO[dying], `${at} in the helper`, () => killHelperAt(scene, at, dying))));
  return [...alone, ...beside, ...within];
});

/** In steps that leave no way out and soon come to every fault: near the golden section, and without a common divisor. */
function strideOf(count: number): number {
  const divides = (a: number, b: number): number => (b === 0 ? a : divides(b, a % b));
  let stride = Math.max(1, Math.round(count * 0.618));
  while (divides(stride, count) !== 1) stride++;
  return stride;
}
const stride = strideOf(ways.length);

const began = performance.now();
let end = minutes === 0 ? Infinity : began + minutes * 60_000;
// What has been planted is taken away even when nobody wants to wait any more.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void (end = 0));

const planted = plantOnMachine();
const left: string[] = [];
const notReached: string[] = [];
let done = 0;

async function work(): Promise<void> {
  for (let mine = done++; mine < wanted && performance.now() < end && ways.length > 0; mine = done++) {
    const way = ways[((from + mine) * stride) % ways.length] as Way;
    const name = `${way.fault}, ${way.dies} killed, ${way.when}`;
    const tell = (to: string[], error: unknown): void => {
      to.push(`${name}: ${messageOf(error).split('\n')[0] ?? ''}`);
      process.stderr.write(`${to === left ? 'LEFT' : 'not reached'}: ${name}: ${messageOf(error)}\n`);
    };
    const before = planted.dump();
    const problem = await way.run().then(() => undefined, (error: unknown) => error ?? new Error('failed'));
    if (problem instanceof NotReached) {
      tell(notReached, problem);
      continue;
    }
    way.runs++;
    const foreign = planted.dump() === before ? undefined : new Error('what others had planted has changed');
    if (problem === undefined && foreign === undefined) continue;
    way.left++;
    tell(left, problem ?? foreign);
  }
}
const progress = setInterval(() => process.stderr.write(`${Math.min(done, wanted)} runs, ${left.length} with residue\n`), 60_000);
await Promise.all(Array.from({ length: atOnce }, work));
clearInterval(progress);

const missing = Object.fromEntries(chosen.flatMap(([fault]) => (whyNot(fault) === false ? [] : [[fault, String(whyNot(fault))]])));
writeFileSync(file, pageOf({ ways, left, notReached, foreign: planted.what, missing, minutes: Math.ceil((performance.now() - began) / 60_000) }));
await endShared();
planted[Symbol.dispose]();
process.exitCode = left.length === 0 ? 0 : 1;
