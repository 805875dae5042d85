import { EXIT } from '../../kernel/errors.ts';
import { type CommandSpec } from '../cli.ts';
import { toneOf } from '../render/style.ts';
import { table } from '../render/table.ts';
import { clockTime, span, verdictTone } from '../render/words.ts';
import { whole } from '../values.ts';

export const history: CommandSpec<{ readonly limit: number }> = {
  usage: 'history',
  summary: 'past runs, the newest first',
  examples: [['firebreak history', 'the last 20 runs'], ['firebreak history --limit 100 --json', 'for a dashboard']],
  options: (command) => command.option('--limit <n>', 'how many runs', whole(1, 10_000), 20),
  act: async (cli, _args, { limit }) => {
    await using session = await cli.observe();
    const runs = await session.client.query('history', { limit }, cli.signal);
    const { out, style } = cli;
    cli.show(runs, () => {
      if (runs.length === 0) return 'No runs yet. `firebreak demo` makes the first.';
      const rows = runs.map(({ run, name, startedAt, endedAt, verdict, reverted, reason }) => [
        run,
        clockTime(startedAt),
        endedAt === null ? '–' : span(endedAt - startedAt),
        verdict === null ? style.dim('unfinished') : toneOf(style, verdictTone[verdict])(verdict),
        reverted ? style.green('proven') : style.red('open'),
        name,
        style.dim(reason),
      ]);
      const columns = [{ title: 'Run' }, { title: 'Started' }, { title: 'Took', align: 'right' as const }, { title: 'Verdict' }, { title: 'Undo' }, { title: 'Name' }, { title: 'Why', shrinks: true }];
      // Where the reason would be a stump it is left out; `report` has it.
      const narrow = out.width < 120;
      return table(narrow ? [...columns.slice(0, 5), { title: 'Name', shrinks: true }] : columns, rows, out.width - 1, style.dim);
    });
    return EXIT.held;
  },
};
