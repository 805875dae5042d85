import { type EngineStatus } from '../../contract/models.ts';
import { EXIT } from '../../kernel/errors.ts';
import { type Cli, type CommandSpec } from '../cli.ts';
import { undoTable } from '../render/undo.ts';
import { plural } from '../render/words.ts';

export const status: CommandSpec = {
  usage: 'status',
  summary: 'the experiment under way, its faults, and what is still to be undone',
  examples: [['firebreak status', 'is anything going on?'], ['firebreak status --json', 'the same, for a monitor']],
  act: async (cli) => {
    await using session = await cli.observe();
    const now = await session.client.query('status', {}, cli.signal);
    cli.show(now, () => text(cli, now));
    return EXIT.held;
  },
};

function text({ out, style, stateDir }: Cli, { experiment, halted, open, damage }: EngineStatus): string {
  const lines = [
    experiment === null
      ? 'No experiment is under way.'
      : `${style.bold(experiment.name)} is under way: run ${experiment.run}, process ${experiment.pid}. \`firebreak halt\` stops it.`,
  ];
  if (halted) lines.push(style.red('HALT is in force.'));
  lines.push(open.length === 0 ? 'Nothing is left to undo.' : `${plural(open.length, 'change')} not undone yet:`);
  if (open.length > 0) lines.push('', undoTable(open, out.width - 1, style), '');
  for (const { where, what } of damage) lines.push(style.red(`The journal is damaged at ${where}: ${what}`));
  if (open.some(({ ownerAlive }) => !ownerAlive)) lines.push('`firebreak recover` undoes what no process holds any more.');
  lines.push(style.dim(`State: ${stateDir}`));
  return lines.join('\n');
}
