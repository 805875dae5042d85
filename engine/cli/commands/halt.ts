import { userInfo } from 'node:os';
import { type CommandSpec } from '../cli.ts';
import { residueCode } from '../follow.ts';
import { toneOf } from '../render/style.ts';
import { table } from '../render/table.ts';
import { ms, plural, stateTone } from '../render/words.ts';

export const halt: CommandSpec = {
  usage: 'halt',
  summary: 'stop every fault on this machine now, whichever Firebreak injected it',
  details: 'Works from any terminal, also when the engine that injected hangs. Exit code 6 when a target could not be proven clean.',
  examples: [['firebreak halt', 'stop everything'], ['firebreak halt --json', 'the same, for a script or a button']],
  act: async (cli) => {
    await using session = await cli.observe();
    const outcome = await session.client.command('halt', { by: `${nameOf()} on the command line` });
    cli.show(outcome, () => {
      const { tookMs, faults } = outcome;
      if (faults.length === 0) return `Nothing was being injected from ${cli.stateDir} (checked in ${ms(tookMs)}).`;
      const { style, out } = cli;
      const rows = faults.map((fault) => [fault.policy, toneOf(style, stateTone[fault.state])(fault.state), fault.target, fault.note]);
      const columns = [{ title: 'Fault' }, { title: 'State' }, { title: 'Target', shrinks: true }, { title: 'Note' }];
      return `${style.bold('HALT')}: ${plural(faults.length, 'fault')} stopped in ${ms(tookMs)}.\n\n${table(columns, rows, out.width - 1, style.dim)}`;
    });
    return residueCode(outcome.faults);
  },
};

function nameOf(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id without a name.
    return `user ${process.getuid?.() ?? '?'}`;
  }
}
