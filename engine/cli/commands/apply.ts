import { EXIT, type ExitCode } from '../../kernel/errors.ts';
import { type CommandSpec } from '../cli.ts';
import { Follow, residueCode, summarise } from '../follow.ts';
import { faultPieces, fit } from '../render/parts.ts';
import { faultTable } from '../render/verdict.ts';
import { span } from '../render/words.ts';
import { duration, readSource } from '../values.ts';

export const apply: CommandSpec<{ readonly ttl: number }> = {
  usage: 'apply <file>',
  summary: 'inject the policies of a file, without an experiment, for a limited time',
  details: 'Holds the faults in this process and puts everything back when the time is over, on Ctrl-C, or on `firebreak halt`. Exit code 3 when it was ended early, 4 when a fault had no measured effect, 6 when something could not be proven undone.',
  examples: [
    ['firebreak apply policies.yaml --ttl 5m', 'for five minutes'],
    ['firebreak apply policies.yaml --ttl 30s --json', 'for a script'],
  ],
  options: (command) => command.requiredOption('--ttl <d>', 'how long to hold the faults; there is no for ever', duration),
  act: async (cli, [file = ''], { ttl }) => {
    const source = await readSource(file);
    await using session = await cli.open();
    const { client } = session;
    const { out, style } = cli;
    await summarise(cli, client, source);
    using follow = new Follow(client);
    const { run, faults } = await client.command('apply', { ...source, ttlMs: ttl }, cli.signal);
    cli.interrupt.whenAsked((why) => void client.command('abort', { run, why }).catch(() => {}));
    if (cli.json) out.line(JSON.stringify({ run, faults }));
    else {
      for (const { policy, explain } of faults) out.line(`  ${style.yellow('▸')} ${policy}: ${explain}`);
      out.line(style.dim(`  held for ${span(ttl)}; Ctrl-C ends it and puts everything back`));
      follow.frames((frame) => {
        const names = Math.max(8, ...frame.faults.map(({ policy }) => policy.length));
        out.live(frame.faults.map((fault) => fit(faultPieces(fault, frame.at, names, style), out.width - 1)));
      });
    }
    const released = await client.query('released', { run });
    out.live([]);
    cli.show({ run, ...released }, () => `\n${faultTable(released.faults, out.width - 1, style)}\n\n${ending(released)}`);
    const code: ExitCode = residueCode(released.faults);
    if (code !== EXIT.held) return code;
    if (released.why !== 'hold-over') return EXIT.aborted;
    return released.faults.every(({ effect }) => effect.bitten) ? EXIT.held : EXIT.inconclusive;
  },
};

function ending({ why, reverted }: { why: string; reverted: boolean }): string {
  const cause = why === 'hold-over' ? 'The time is over.' : `Ended early: ${why}.`;
  return reverted ? `${cause} Everything is put back.` : `${cause} NOT everything is proven undone; run \`firebreak recover\`.`;
}
