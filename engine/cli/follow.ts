import { z } from 'zod';
import { type FileSummary, api } from '../contract/api.ts';
import { type EngineEvent } from '../contract/models.ts';
import { realClock } from '../kernel/clock.ts';
import { EXIT, type ExitCode, FirebreakError } from '../kernel/errors.ts';
import { type Cli } from './cli.ts';
import { flat } from './render/problem.ts';
import { type RunView, runView, silentView } from './render/run-view.ts';
import { styleOf } from './render/style.ts';
import { verdictJson, verdictText } from './render/verdict.ts';
import { type Session } from './session.ts';

export type RunInput = z.input<(typeof api)['commands']['run']['input']>;

/** How long to wait for events that are still on their way when the outcome is known, in milliseconds. */
const STRAGGLERS = 2_000;

/**
 * Runs an experiment, shows it, and prints its verdict. The reader's interrupt aborts the run, which reverts; the
 * verdict is printed all the same. @returns the exit code of the verdict.
 */
export async function followRun(cli: Cli, { client }: Session, input: RunInput): Promise<ExitCode> {
  const summary = await summarise(cli, client, input);
  using follow = new Follow(client);
  const { run } = await client.command('run', input);
  const view = viewFor(cli, summary, run);
  cli.interrupt.whenAsked((why) => {
    view.stopping(why);
    client.command('abort', { run, why }).catch(() => {});
  });
  const ended = follow.events(run, (event) => {
    if (cli.json) cli.out.line(JSON.stringify(event));
    view.event(event);
    return event.body.kind === 'run-ended';
  });
  follow.frames((frame) => view.frame(frame));
  const outcome = await client.query('outcome', { run });
  await Promise.race([ended, realClock.sleep(STRAGGLERS)]);
  view.end();
  cli.show(verdictJson(outcome), () => verdictText(outcome, cli.out, cli.style));
  return outcome.reverted ? ((outcome.exitCode ?? EXIT.failure) as ExitCode) : EXIT.residue;
}

/** What the file says; throws `bad-file` with every finding. */
export async function summarise(cli: Cli, client: Session['client'], { text, file, routes }: RunInput): Promise<FileSummary> {
  const checked = await client.query('validate', { text, ...(file !== undefined && { file }), ...(routes !== undefined && { routes }) }, cli.signal);
  if (checked.ok) return checked.summary;
  throw badFile(file ?? '<text>', checked.issues.map((issue) => issue));
}

export function badFile(file: string, issues: readonly ReturnType<typeof flat>[]): FirebreakError {
  return new FirebreakError('bad-file', `${file} has ${issues.length === 1 ? 'one error' : `${issues.length} errors`}; nothing was changed.`, {
    exitCode: EXIT.usage,
    issues: issues.map(({ file: name, line, column, path, message, hint }) => ({
      ...(line > 0 && { place: { file: name, line, column } }),
      path,
      message,
      hint,
    })),
  });
}

/** With `--json` the progress goes to a terminal on standard error, unless the JSON itself goes to one. */
function viewFor(cli: Cli, summary: FileSummary, run: string): RunView {
  if (!cli.json) return runView(cli.out, cli.style, summary, run);
  return cli.err.isTty && !cli.out.isTty ? runView(cli.err, styleOf(cli.err.colour), summary, run) : silentView;
}

/** The engine's streams, subscribed before a command is sent, so that nothing of what it starts is missed. */
export class Follow implements Disposable {
  readonly #stop = new AbortController();
  readonly #events: AsyncIterable<EngineEvent>;
  readonly #client: Session['client'];

  constructor(client: Session['client']) {
    this.#client = client;
    this.#events = client.stream('events', {}, this.#stop.signal);
  }
  /** Gives the events of one run, until `show` says that it was the last. */
  async events(run: string, show: (event: EngineEvent) => boolean): Promise<void> {
    for await (const event of this.#events) if (event.run === run && show(event)) return;
  }
  frames(show: (frame: z.output<(typeof api)['streams']['frames']['item']>) => void): void {
    const pump = async (): Promise<void> => {
      for await (const frame of this.#client.stream('frames', {}, this.#stop.signal)) show(frame);
    };
    // The display may fail without harm to the run; its end is told by the outcome.
    pump().catch(() => {});
  }
  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}

/** 0 when everything is put back, 6 when something is not proven to be. */
export const residueCode = (faults: readonly { readonly reverted: boolean; readonly injectedAt?: number | null }[]): ExitCode =>
  faults.every(({ reverted, injectedAt }) => reverted || injectedAt === null) ? EXIT.held : EXIT.residue;
