import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { EXIT, type ExitCode, FirebreakError } from '../kernel/errors.ts';
import { Cli, type CommandGroup, type CommandSpec } from './cli.ts';
import { apply } from './commands/apply.ts';
import { demo } from './commands/demo.ts';
import { ca } from './commands/ca.ts';
import { doctor } from './commands/doctor.ts';
import { halt } from './commands/halt.ts';
import { helper } from './commands/helper.ts';
import { history } from './commands/history.ts';
import { inject } from './commands/inject.ts';
import { plan } from './commands/plan.ts';
import { recover } from './commands/recover.ts';
import { report } from './commands/report.ts';
import { run } from './commands/run.ts';
import { serve } from './commands/serve.ts';
import { snipe } from './commands/snipe.ts';
import { status } from './commands/status.ts';
import { validate } from './commands/validate.ts';
import { listenForInterrupts } from './interrupt.ts';
import { defaultStateDir } from './paths.ts';
import { problem, problemJson } from './render/problem.ts';
import { styleOf } from './render/style.ts';
import { type Terminal, terminalOf, wrap } from './render/terminal.ts';
import { type Parts } from './session.ts';

/** In the order of the help: a first look, then experiments, then the aftermath. */
// Each command has options of its own; commander hands them over untyped
const COMMANDS: readonly (CommandSpec<never> | CommandGroup)[] = [demo, run, plan, validate, apply, inject, snipe, halt, status, recover, history, report, serve, doctor, helper, ca];

const EXIT_CODES =
  'Exit codes: 0 held · 1 refuted · 2 bad usage or file · 3 aborted or halted · 4 inconclusive · 5 engine failure · 6 residue left';

/** Runs one command line. @returns the exit code; never throws. */
export async function runCli(argv: readonly string[], parts: Parts, version: string): Promise<ExitCode> {
  const out = terminalOf(process.stdout);
  const err = terminalOf(process.stderr);
  const json = argv.includes('--json');
  let code: ExitCode = EXIT.held;
  const program = build(argv, parts, version, out, err, (result) => (code = result));
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) code = EXIT.held;
    else {
      const shown = error instanceof CommanderError ? usageError(error, program, argv) : error;
      out.live([]);
      if (json) out.line(JSON.stringify(problemJson(shown)));
      else err.line(problem(styleOf(err.colour), shown));
      code = shown instanceof FirebreakError ? shown.exitCode : EXIT.failure;
    }
  }
  await Promise.all([out.flush(), err.flush()]);
  return code;
}

function build(argv: readonly string[], parts: Parts, version: string, out: Terminal, err: Terminal, done: (code: ExitCode) => void): Command {
  const width = Math.min(out.width, 110);
  const program = new Command('firebreak')
    .description('Controlled fault injection: state a hypothesis, break something on purpose, measure, put everything back.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .usage('COMMAND [options]')
    .addHelpText('after', `\nStart here:\n  firebreak demo            a small shop, one experiment on it, and its post-mortem\n  firebreak run --help      an experiment on your own service\n\n${EXIT_CODES.replaceAll(' · ', '\n            ')}`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      // The error is told once, by runCli, in the product's own words.
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => width,
      getOutHasColors: () => out.colour,
    })
    .configureHelp({ styleTitle: styleOf(out.colour).bold, subcommandTerm: (command) => `${command.name()} ${argumentsOf(command)}`.trim() });
  const under = (parent: Command, spec: CommandSpec<never>): void => add(parent, spec, parts, out, err, done, width);
  for (const spec of COMMANDS) {
    if (!('commands' in spec)) under(program, spec);
    else {
      const group = program.command(spec.name).summary(spec.summary).description(sentence(spec.summary)).usage('TYPE [options]').helpCommand(false);
      group.addHelpText('after', `\nThe flags of each: firebreak ${spec.name} TYPE --help`);
      if (argv.includes(spec.name)) for (const one of spec.commands()) under(group, one);
    }
  }
  return program;
}

const argumentsOf = (command: Command): string =>
  command.registeredArguments.map((one) => `${one.required ? '' : '['}${one.name().toUpperCase()}${one.variadic ? '...' : ''}${one.required ? '' : ']'}`).join(' ');

const sentence = (summary: string): string => `${summary[0]?.toUpperCase()}${summary.slice(1)}.`;

function add(program: Command, spec: CommandSpec<never>, parts: Parts, out: Terminal, err: Terminal, done: (code: ExitCode) => void, width: number): void {
  const command = program.command(spec.usage).summary(spec.summary).description(sentence(spec.summary));
  spec.options?.(command);
  command
    .option('--json', 'print JSON, for programs')
    .option('--state-dir <dir>', 'where journal and history are kept (default: $FIREBREAK_HOME or the platform’s place)')
    .allowExcessArguments(false)
    .usage(`${argumentsOf(command)} [options]`.trim());
  const details = spec.details === undefined ? '' : `\n${wrap(spec.details, width)}\n`;
  const longest = Math.max(...spec.examples.map(([line]) => line.length));
  const beside = spec.examples.every(([, what]) => longest + what.length + 4 <= width);
  const examples = spec.examples.map(([line, what]) => (beside ? `  ${line.padEnd(longest)}  ${what}` : `  ${line}\n      ${what}`));
  command.addHelpText('after', `${details}\nExamples:\n${examples.join('\n')}`);
  command.action(async () => {
    const options = command.opts<{ json?: true; stateDir?: string }>();
    const style = styleOf(out.colour);
    // Where the live view is: said on the other stream, it would be written over.
    const told = out.isTty && options.json !== true ? out : err;
    using interrupt = listenForInterrupts(
      () => told.line('  Already stopping and reverting; this takes a few seconds at most.'),
      () => told.line('  Ctrl-Z is not obeyed: it would hold up the traffic of the routes. Ctrl-C ends this and puts everything back.'),
    );
    const cli = new Cli({ out, err, style, json: options.json === true, stateDir: options.stateDir ?? defaultStateDir(), interrupt, parts });
    done(await spec.act(cli, command.args, options as never));
  });
}

/** Commander's complaint as one clear line with its remedy. */
function usageError(error: CommanderError, program: Command, argv: readonly string[]): FirebreakError {
  const words = argv.filter((word) => !word.startsWith('-'));
  const command = program.commands.find((one) => one.name() === words[0]);
  const inner = command?.commands.find((one) => one.name() === words[1]);
  const help = ['firebreak', command?.name(), inner?.name(), '--help'].filter((word) => word !== undefined).join(' ');
  if (error.code === 'commander.help') return new FirebreakError('usage', 'no command given', { hint: `See \`${help}\`, or start with \`firebreak demo\`.`, exitCode: EXIT.usage });
  const message = error.message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)/, '; did you mean $1?');
  const hint = error instanceof InvalidArgumentError ? '' : `See \`${help}\`.`;
  return new FirebreakError('usage', message, { hint, exitCode: EXIT.usage });
}
