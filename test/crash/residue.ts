import { availableParallelism, release } from 'node:os';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { messageOf } from '../../engine/kernel/errors.ts';
import { NEEDS_ROOT, SCENES, SKIP } from './all-scenes.ts';
import { DYING, killBesideHelper, WHEN } from './kill-helped.ts';
import { killEngine } from './kill.ts';

/**
 * `npm run residue [-- --runs N --minutes N FILE.md]`: kills the engine, the helper or both with -9 at every boundary of every fault, again
 * and again, and counts what stays behind. Writes the table of the docs.
 */
const args = process.argv.slice(2);
const numberOf = (flag: string): number => (args.includes(flag) ? Number(args[args.indexOf(flag) + 1]) : 0);
const wanted = numberOf('--runs') || 500;
/** No run begins after so many minutes; 0 = all are made. */
const minutes = numberOf('--minutes');
const end = minutes === 0 ? Infinity : performance.now() + minutes * 60_000;
const file = args.find((one) => one.endsWith('.md')) ?? join(import.meta.dirname, '../../assets/docs/residue.md');

interface Way {
  readonly fault: string;
  readonly dies: string;
  readonly run: () => Promise<unknown>;
}
const here = Object.entries(SCENES).filter(([fault]) => (SKIP[fault] ?? false) === false);
const ways: readonly Way[] = here.flatMap(([fault, scene]) => [
  ...BOUNDARIES.map((boundary) => ({ fault, dies: 'the room', run: () => killEngine(scene, boundary) })),
  ...(NEEDS_ROOT.includes(fault) ? DYING.flatMap((dying) => WHEN.map((boundary) => ({ fault, dies: `${dying === 'engine' ? 'the room' : dying === 'helper' ? 'the helper' : 'both'}, with a helper`, run: () => killBesideHelper(scene, boundary, dying) }))) : []),
]);
/** A prime that divides no number of ways. */
const STRIDE = 97;
const counts = new Map<string, { runs: number; left: number }>();
const problems: string[] = [];
let done = 0;

async function work(): Promise<void> {
  for (let mine = done++; mine < wanted && performance.now() < end; mine = done++) {
    // In steps that leave no way out, so that a few runs go through all faults.
    const { fault, dies, run } = ways[(mine * STRIDE) % ways.length] as Way;
    const count = counts.get(`${fault} | ${dies}`) ?? { runs: 0, left: 0 };
    counts.set(`${fault} | ${dies}`, count);
    count.runs++;
    try {
      await run();
    } catch (error) {
      count.left++;
      problems.push(`${fault}, ${dies}: ${messageOf(error).split('\n')[0] ?? ''}`);
      process.stderr.write(`${problems.at(-1)}\n`);
    }
    if ((mine + 1) % 20 === 0) process.stderr.write(`${mine + 1} runs, ${problems.length} with residue\n`);
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, work));

const runs = [...counts.values()].reduce((sum, one) => sum + one.runs, 0);
writeFileSync(file, `# What stays behind

Made by \`npm run residue\`: whatever dies is killed with -9 at a boundary of a fault's life; ten seconds of lease and two
more later everything must be as it was. There are ${ways.length} ways of that here; containers and databases are killed in
tests of their own. ${runs} runs, ${Math.min(runs, ways.length)} ways, on Linux ${release()}, Node ${process.versions.node}: residue in ${problems.length}, a rate of ${((100 * problems.length) / runs).toFixed(2)} %.

| fault | dies | runs | residue |
|---|---|---|---|
${[...counts].map(([way, one]) => `| ${way} | ${one.runs} | ${one.left} |`).join('\n')}
${problems.length === 0 ? '' : `\n${problems.map((one) => `- ${one}`).join('\n')}\n`}`);
process.exitCode = problems.length === 0 ? 0 : 1;
