import { resolve } from 'node:path';
import { EXIT } from '../../kernel/errors.ts';
import { type CommandSpec } from '../cli.ts';
import { DEFAULT_REPORT_DIR } from '../paths.ts';

export const report: CommandSpec<{ readonly out: string }> = {
  usage: 'report <run>',
  summary: 'write the post-mortem of a past run again',
  details: 'PDF, JSON and Markdown, from what history holds. `firebreak history` lists the runs.',
  examples: [['firebreak report r-0123456789ab', `into ./${DEFAULT_REPORT_DIR}`], ['firebreak report r-0123456789ab --out /tmp', 'elsewhere']],
  options: (command) => command.option('--out <dir>', 'where to write', DEFAULT_REPORT_DIR),
  act: async (cli, [run = ''], { out }) => {
    await using session = await cli.observe();
    const { files } = await session.client.command('report', { run, directory: resolve(out) }, cli.signal);
    cli.show({ run, files }, () => files.join('\n'));
    return EXIT.held;
  },
};
