import { EXIT } from '../../kernel/errors.ts';
import { type CommandSpec } from '../cli.ts';
import { undoTable } from '../render/undo.ts';
import { plural } from '../render/words.ts';

export const recover: CommandSpec<{ readonly closeRoutes?: boolean }> = {
  usage: 'recover',
  summary: 'undo what a crashed run left behind, and list what cannot be undone',
  details: 'Reverts every open undo record that no live process holds, checks it, and clears it. With --json it prints the records that remain open: `[]` when there are none. Exit code 6 when something remains or the journal is damaged. The traffic of a dead engine’s routes goes on passing, so that applications pointed at them keep working, until the next engine takes the routes over or --close-routes says so.',
  examples: [['firebreak recover', 'after a crash or a power cut'], ['firebreak recover --json', '`[]` means that nothing is left']],
  options: (command) => command.option('--close-routes', 'also stop passing on the traffic of dead engines’ routes'),
  act: async (cli, _args, { closeRoutes = false }) => {
    await using session = await cli.observe();
    const { cleared, open, damage } = await session.client.command('recover', { closeRoutes });
    const { err, out, style } = cli;
    // The array must stay an array; what cannot be trusted is told beside it.
    if (cli.json) for (const { where, what } of damage) err.line(`journal damaged at ${where}: ${what}`);
    cli.show(open, () => {
      const lines: string[] = [];
      for (const { policy, target, inverse } of cleared) lines.push(`${style.green('✓')} ${policy}: ${target}: ${inverse}`);
      if (cleared.length > 0) lines.push(`${plural(cleared.length, 'change')} put back.`);
      else lines.push(open.length === 0 ? 'There was nothing to put back.' : 'Nothing could be put back.');
      if (open.length > 0) lines.push('', style.red(`${plural(open.length, 'change')} still open:`), '', undoTable(open, out.width - 1, style));
      for (const { where, what } of damage) lines.push(style.red(`The journal is damaged at ${where}: ${what}`));
      return lines.join('\n');
    });
    return open.every(({ ownerAlive }) => ownerAlive) && damage.length === 0 ? EXIT.held : EXIT.residue;
  },
};
