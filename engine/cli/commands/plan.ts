import { type PlanResult } from '../../contract/models.ts';
import { upstreamsOf } from '../../contract/words.ts';
import { EXIT, type ExitCode } from '../../kernel/errors.ts';
import { type Cli, type CommandSpec } from '../cli.ts';
import { badFile } from '../follow.ts';
import { type Tone, toneOf } from '../render/style.ts';
import { table } from '../render/table.ts';
import { wrap } from '../render/terminal.ts';
import { phaseTitle, plural, span } from '../render/words.ts';
import { readSource } from '../values.ts';
import { type RunOptions, overrideOptions, overridesOf } from './run.ts';

export const plan: CommandSpec<Omit<RunOptions, 'reportDir'>> = {
  usage: 'plan <file>',
  summary: 'show what would happen, to which targets, with which undo; change nothing',
  details: 'Resolves the targets that exist now, weighs the risk, and shows how each change would be undone. Exit code 4 when a fault could not run here or finds no target.',
  examples: [
    ['firebreak plan checkout.yaml', 'read it before you run it'],
    ['firebreak plan checkout.yaml --json', 'the same, for a review bot'],
  ],
  options: overrideOptions,
  act: async (cli, [file = ''], options) => {
    const source = await readSource(file);
    return await showPlan(cli, { ...source, overrides: overridesOf(options) });
  },
};

/**
 * Shows what a file would do. @param ttl how long a file without an experiment would be held, in milliseconds; 0 where that is not
 * known yet. @returns 4 when a fault could not run here or finds no target.
 */
export async function showPlan(cli: Cli, input: { readonly text: string; readonly file: string; readonly overrides: ReturnType<typeof overridesOf> }, ttl = 0): Promise<ExitCode> {
  await using session = await cli.observe();
  const planned = await session.client.query('plan', input, cli.signal);
  if (!planned.ok) throw badFile(input.file, planned.issues);
  cli.show(planned.plan, () => text(cli, planned.plan, ttl));
  return planned.plan.faults.every(({ unavailable, targets }) => unavailable === '' && targets.length > 0) ? EXIT.held : EXIT.inconclusive;
}

const LEVEL: Readonly<Record<PlanResult['guard']['level'], Tone>> = { SAFE: 'good', ELEVATED: 'calm', HIGH: 'warn', CRITICAL: 'bad' };

function text({ out, style }: Cli, { name, hypothesis, seed, routes, faults, steadyState, guard, phases }: PlanResult, ttl: number): string {
  const width = Math.min(out.width, 110) - 1;
  const lines = ['', `  ${style.bold(name)}  ${style.dim(`seed ${seed}`)}`];
  if (hypothesis !== '') lines.push(wrap(hypothesis, width, '  '));
  lines.push('', `  ${style.bold('Steady state')}`);
  for (const { name: check, expect, describe } of steadyState) lines.push(`  ${check}: ${expect}`, wrap(style.dim(describe), width, '    '));
  if (steadyState.length === 0) lines.push(style.dim('  none: nothing would be measured'));
  lines.push('', `  ${style.bold('Faults')}`);
  for (const { policy, type, explain, unavailable, targets, holdMs, blastRadius } of faults) {
    lines.push(wrap(`${style.cyan(policy)} ${style.dim(`(${type}, for ${(holdMs || ttl) === 0 ? 'as long as `apply --ttl` says' : span(holdMs || ttl)}, blast radius ${blastRadius} of 5)`)} ${explain}`, width, '  '));
    if (unavailable !== '') lines.push(wrap(style.red(`cannot run here: ${unavailable}`), width, '    '));
    else if (targets.length === 0) lines.push(style.yellow('    no target matches now: nothing would be injected'));
    for (const { target, action, inverse, reversible } of targets) {
      lines.push(`    ${target}`, wrap(action, width, `      ${style.dim('do  ')} `), wrap(inverse, width, `      ${(reversible ? style.dim : style.yellow)('undo')} `));
    }
  }
  if (routes.length > 0) {
    lines.push('', `  ${style.bold('Routes')}`);
    for (const route of routes) lines.push(`  ${route.name}  ${route.protocol}  ${route.listen} → ${upstreamsOf(route)}`);
  }
  lines.push('', `  ${style.bold('Guard')}  ${toneOf(style, LEVEL[guard.level])(guard.level)}, ${guard.score} of 100`);
  for (const { policy, message } of guard.issues) lines.push(wrap(`${policy === '' ? '' : `${policy}: `}${message}`, width, '  ! '));
  if (phases.length > 0) {
    lines.push('', `  ${style.bold('Phases')}`);
    const rows = phases.map(({ name: phase, ms }) => [phaseTitle(phase), ms === 0 ? 'until done' : span(ms)]);
    lines.push(table([{ title: 'phase' }, { title: 'at most', align: 'right' }], rows, width - 2, style.dim).replaceAll(/^/gm, '  '));
  }
  lines.push('', `  ${style.dim(`Nothing was changed. ${plural(faults.reduce((sum, { targets }) => sum + targets.length, 0), 'target')} would be.`)}`);
  return lines.join('\n');
}
