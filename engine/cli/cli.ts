import { type Command } from 'commander';
import { type ExitCode } from '../kernel/errors.ts';
import { type Interrupt } from './interrupt.ts';
import { type Style } from './render/style.ts';
import { type Terminal } from './render/terminal.ts';
import { type Parts, Session } from './session.ts';

/** One command of the command line, as data: usage, help and behaviour in one place. */
export interface CommandSpec<Options = object> {
  /** As commander reads it: `plan <file>`. */
  readonly usage: string;
  readonly summary: string;
  /** What a reader of the help should know beyond the summary. */
  readonly details?: string;
  /** A command line and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  readonly options?: (command: Command) => Command;
  readonly act: (cli: Cli, args: readonly string[], options: Options) => Promise<ExitCode>;
}

/** Commands that share a first word: `inject http`, `inject process`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  /** Made only when asked for: their flags are many. */
  readonly commands: () => readonly CommandSpec<never>[];
}

/** What a command works with. */
export class Cli {
  readonly out: Terminal;
  readonly err: Terminal;
  readonly style: Style;
  /** Machine-readable: standard output then holds JSON and nothing else. */
  readonly json: boolean;
  readonly stateDir: string;
  readonly interrupt: Interrupt;
  readonly parts: Parts;

  constructor(given: Pick<Cli, 'out' | 'err' | 'style' | 'json' | 'stateDir' | 'interrupt' | 'parts'>) {
    this.out = given.out;
    this.err = given.err;
    this.style = given.style;
    this.json = given.json;
    this.stateDir = given.stateDir;
    this.interrupt = given.interrupt;
    this.parts = given.parts;
  }

  /** Starts an engine that may inject. */
  async open(): Promise<Session> {
    return new Session(await this.parts.createEngine({ stateDir: this.stateDir, observer: false }));
  }
  /** Starts an engine that only looks: it leaves open undo records to `recover`. */
  async observe(): Promise<Session> {
    return new Session(await this.parts.createEngine({ stateDir: this.stateDir, observer: true }));
  }

  /** Prints the answer: one JSON document, or the text. */
  show(value: unknown, text: () => string): void {
    this.out.line(this.json ? JSON.stringify(value) : text());
  }
  get signal(): AbortSignal {
    return this.interrupt.signal;
  }
}
