import { type EngineEvent } from '../../contract/models.ts';
import { EXIT, type ExitCode, FirebreakError } from '../../kernel/errors.ts';
import { type Cli, type CommandSpec } from '../cli.ts';
import { Follow, residueCode, summarise } from '../follow.ts';
import { faultPieces, fit } from '../render/parts.ts';
import { finding } from '../render/problem.ts';
import { faultTable } from '../render/verdict.ts';
import { span } from '../render/words.ts';
import { duration, readSource } from '../values.ts';

export const apply: CommandSpec<{ readonly ttl: number; readonly watch?: true }> = {
  usage: 'apply <file>',
  summary: 'inject the policies of a file, without an experiment, for a limited time',
  details: 'Holds the faults in this process and puts everything back when the time is over, on Ctrl-C, or on `firebreak halt`. Exit code 3 when it was ended early, 4 when a fault had no measured effect, 6 when something could not be proven undone. With --watch the file is followed while it is in force: what changed in it is replaced, what did not goes on undisturbed; a broken file changes nothing.',
  examples: [
    ['firebreak apply policies.yaml --ttl 5m', 'for five minutes'],
    ['firebreak apply policies.yaml --ttl 10m --watch', 'and bring each change of the file into force'],
    ['firebreak apply policies.yaml --ttl 30s --json', 'for a script'],
  ],
  options: (command) =>
    command
      .requiredOption('--ttl <d>', 'how long to hold the faults; there is no for ever', duration)
      .option('--watch', 'reload the file when it changes, until the time is over'),
  act: async (cli, [file = ''], { ttl, watch = false }) => {
    if (watch && file === '-') throw new FirebreakError('bad-usage', 'Standard input cannot be watched.', UNWATCHABLE);
    const source = await readSource(file);
    return await holdUntilOver(cli, source, ttl, watch);
  },
};

/** Injects the policies of a file, shows them while they are in force, and tells how each ended. */
export async function holdUntilOver(cli: Cli, source: { readonly text: string; readonly file: string }, ttl: number, watch = false): Promise<ExitCode> {
  await using session = await cli.open();
  const { client } = session;
  const { out, style } = cli;
  await summarise(cli, client, source);
  using follow = new Follow(client);
  const { run, faults } = await client.command('apply', { ...source, ttlMs: ttl, watch }, cli.signal);
  cli.interrupt.whenAsked((why) => void client.command('abort', { run, why }).catch(() => {}));
  const { routes } = await client.query('status', {});
  if (cli.json) out.line(JSON.stringify({ run, faults, routes }));
  else {
    for (const { policy, explain } of faults) out.line(`  ${style.yellow('▸')} ${policy}: ${explain}`);
    for (const route of routes) out.line(`  ${style.cyan('→')} ${route.name}: send ${route.protocol} to ${route.listen}, which goes on to ${route.upstream}`);
    out.line(style.dim(`  held for ${span(ttl)}; Ctrl-C ends it and puts everything back`));
    follow.frames((frame) => {
      const names = Math.max(8, ...frame.faults.map(({ policy }) => policy.length));
      out.live(frame.faults.map((fault) => fit(faultPieces(fault, frame.at, names, style), out.width - 1)));
    });
  }
  // The display may fail without harm; how it ended is told by `released`.
  if (watch) follow.events(run, (event) => tellReload(cli, event)).catch(() => {});
  const released = await client.query('released', { run });
  out.live([]);
  cli.show({ run, ...released }, () => `\n${faultTable(released.faults, out.width - 1, style)}\n\n${ending(released)}`);
  const code: ExitCode = residueCode(released.faults);
  if (code !== EXIT.held) return code;
  if (released.why !== 'hold-over') return EXIT.aborted;
  return released.faults.every(({ effect }) => effect.bitten) ? EXIT.held : EXIT.inconclusive;
}

const UNWATCHABLE = { exitCode: EXIT.usage, hint: 'Write it to a file, and watch that.' } as const;

/** What became of a change of the file; false, since another may follow. */
function tellReload({ json, out, style }: Cli, event: EngineEvent): false {
  const { body } = event;
  const reload = body.kind === 'policy' && body.change !== undefined;
  if (!reload && body.kind !== 'log') return false;
  if (json) out.line(JSON.stringify(event));
  else if (reload) out.line(`  ${style.green('↻')} ${body.text}`);
  else if (body.kind === 'log') {
    // The text has the findings too, for who knows no better way to show them.
    const [headline = ''] = body.issues === undefined ? [body.text] : body.text.split('\n');
    const findings = (body.issues ?? []).map((issue) => `\n    ${finding(style, issue).replaceAll('\n', '\n  ')}`);
    out.line(`  ${style.red('✗')} ${headline}${findings.join('')}`);
  }
  return false;
}

function ending({ why, reverted }: { why: string; reverted: boolean }): string {
  const cause = why === 'hold-over' ? 'The time is over.' : `Ended early: ${why}.`;
  return reverted ? `${cause} Everything is put back.` : `${cause} NOT everything is proven undone; run \`firebreak recover\`.`;
}
