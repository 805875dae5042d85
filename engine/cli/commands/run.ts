import { resolve } from 'node:path';
import { type Command } from 'commander';
import { type CommandSpec } from '../cli.ts';
import { type RunInput, followRun } from '../follow.ts';
import { DEFAULT_REPORT_DIR } from '../paths.ts';
import { serversOption, startShop } from '../shop.ts';
import { duration, durationOrNone, readSource, seed } from '../values.ts';

export interface RunOptions {
  readonly duration?: number;
  readonly seed?: number;
  readonly reportDir: string;
  readonly baseline?: number;
  readonly recovery?: number;
}

/** The options that change a run without editing its file. */
export const overrideOptions = (command: Command): Command =>
  command
    .option('--duration <d>', 'how long to inject, instead of what the file says', duration)
    .option('--seed <n>', 'the seed of every random choice', seed)
    .option('--baseline <d>', 'how long to measure before injecting', durationOrNone)
    .option('--recovery <d>', 'how long to wait at most for the steady state to return', durationOrNone);
export const runOptions = (command: Command): Command =>
  overrideOptions(command).option('--report-dir <dir>', 'where the post-mortem is written', DEFAULT_REPORT_DIR);

export const overridesOf = (options: Omit<RunOptions, 'reportDir'>): NonNullable<RunInput['overrides']> => ({
  ...(options.duration !== undefined && { durationMs: options.duration }),
  ...(options.seed !== undefined && { seed: options.seed }),
  ...(options.baseline !== undefined && { baselineMs: options.baseline }),
  ...(options.recovery !== undefined && { recoveryMs: options.recovery }),
});
/** Absolute, because the engine may run in another directory than its caller. */
export const withReports = (options: RunOptions): NonNullable<RunInput['overrides']> => ({
  ...overridesOf(options),
  reportDir: resolve(options.reportDir),
});

export const run: CommandSpec<RunOptions & { readonly demo?: true; readonly servers?: true }> = {
  usage: 'run <file>',
  summary: 'run the experiment of a file to its verdict',
  details:
    'Checks the steady state, measures a baseline, injects, watches, reverts, waits for recovery, and writes the post-mortem. Ctrl-C ends the run and puts everything back. With --json the last line is the verdict.',
  examples: [
    ['firebreak run checkout.yaml', 'run it as the file says'],
    ['firebreak run checkout.yaml --duration 30s', 'the same, but inject for 30 seconds only'],
    ['firebreak run assets/experiments/slow-payments.yaml --demo', 'against the demo shop, started for this run'],
    ['firebreak run checkout.yaml --json | tail -1', 'the verdict, for a pipeline'],
  ],
  options: (command) =>
    serversOption(runOptions(command).option('--demo', 'start the demo shop and let its routes replace those of the file')),
  act: async (cli, [file = ''], options) => {
    const source = await readSource(file);
    await using session = await cli.open();
    await using demo = options.demo === true || options.servers === true ? await startShop(cli, session, options) : undefined;
    if (!cli.json) for (const note of demo?.notes ?? []) cli.out.line(note);
    // Awaited here: the engine must outlive the run.
    return await followRun(cli, session, { ...source, overrides: withReports(options), routes: [...(demo?.routes ?? [])] });
  },
};
