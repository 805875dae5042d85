import { EXIT, FirebreakError } from '../../kernel/errors.ts';
import { type CommandSpec } from '../cli.ts';
import { defaultStateDir } from '../paths.ts';
import { whole } from '../values.ts';

interface HelperFlags {
  readonly uid?: number;
  readonly socket?: string;
}

/** Whom sudo or pkexec was run for. */
const caller = (): number | undefined => [process.env['SUDO_UID'], process.env['PKEXEC_UID']].filter((uid) => uid !== undefined && uid !== '').map(Number)[0];

export const helper: CommandSpec<HelperFlags> = {
  usage: 'helper',
  summary: 'do as root what the Firebreak of one user asks for, and undo it when that one is gone',
  details:
    'Faults that need root are done by this process, so that Firebreak itself runs without it. It takes a fixed list of operations over a Unix socket that only that user can open; it has a journal and a watchdog of its own, and reverts by itself when the room dies or falls silent for 10 s. Ctrl-C reverts everything and ends it.',
  examples: [
    ['firebreak helper --uid 1000', 'as root, from a unit of systemd'],
    ['sudo firebreak helper', 'for the user who typed it'],
  ],
  options: (command) =>
    command
      .option('--uid <n>', 'the user whom it serves (default: who ran sudo or pkexec)', whole(0, 0xffff_fffe))
      .option('--socket <path>', 'where it listens (default: $FIREBREAK_HELPER or /run/firebreak/UID.sock)'),
  act: async (cli, _args, { uid = caller(), socket }) => {
    if (process.geteuid?.() !== 0) throw usage('the helper must run as root', 'sudo firebreak helper');
    if (uid === undefined) throw usage('--uid is missing: the user whom it serves', 'run it with sudo, or name the user: --uid 1000');
    await using _helper = await cli.parts.startHelper({
      uid,
      ...(socket !== undefined && { address: socket }),
      // Its journal is for root alone, not where that of the user is.
      ...(cli.stateDir !== defaultStateDir() && { stateDir: cli.stateDir }),
      log: (text) => cli.out.line(cli.json ? JSON.stringify({ text }) : text),
    });
    await new Promise<void>((resolve) => cli.interrupt.whenAsked(() => resolve()));
    return EXIT.held;
  },
};

const usage = (message: string, hint: string): FirebreakError => new FirebreakError('usage', message, { hint, exitCode: EXIT.usage });
