import { EXIT } from '../../kernel/errors.ts';
import { type CommandSpec } from '../cli.ts';
import { visible, wrap } from '../render/terminal.ts';

export const doctor: CommandSpec = {
  usage: 'doctor',
  summary: 'what this machine can and cannot do, and why',
  examples: [['firebreak doctor', 'before the first experiment'], ['firebreak doctor --json', 'to compare machines']],
  act: async (cli) => {
    await using session = await cli.observe();
    const capabilities = await session.client.query('doctor', {}, cli.signal);
    const { out, style } = cli;
    cli.show(capabilities, () => {
      const names = Math.min(40, Math.max(...capabilities.map(({ name }) => visible(name))));
      return capabilities
        .map(({ name, available, detail }) => {
          const mark = available ? style.green('available  ') : style.yellow('unavailable');
          const lead = `${name.padEnd(names)}  ${mark}  `;
          // The remark continues under itself.
          const room = Math.min(out.width, 120) - 1;
          const [first = '', ...rest] = wrap(detail, room - visible(lead)).split('\n');
          return [(lead + first).trimEnd(), ...rest.map((line) => ' '.repeat(visible(lead)) + line)].join('\n');
        })
        .join('\n');
    });
    return EXIT.held;
  },
};
