import { type Readable, type Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import type { ChildSettings } from './services/service.ts';

/** What the demo needs of a child process. */
export interface ChildHandle {
  readonly pid?: number | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  once(event: 'exit', listener: () => void): unknown;
  kill(signal: 'SIGKILL'): boolean;
}
/** Starts a script in the current runtime (host/spawn.ts); `target` marks it as something experiments may hit. */
export type SpawnNode = (
  script: string,
  args: readonly string[],
  options: { readonly role: string; readonly target: true; readonly stdio: readonly 'pipe'[] },
) => ChildHandle;

/** How long a child may take to end by itself, and to come up, milliseconds. */
const END_WITHIN = 1_000;
const START_WITHIN = 60_000;
/** A service that died is started again after this long, milliseconds, as a supervisor would do. */
const RESTART_AFTER = 500;

/**
 * One process of the demo, kept alive: when it dies it is started again, on the same port. It ends by itself when its
 * stdin closes, hence also when this process is killed.
 */
export class DemoChild implements AsyncDisposable {
  readonly name: string;
  readonly #spawn: SpawnNode;
  readonly #clock: Clock;
  readonly #news: (news: Record<string, unknown>) => void;
  #child: ChildHandle | undefined;
  #exited: Promise<void> = Promise.resolve();
  #restart: Disposable | undefined;
  #config: ChildSettings | undefined;
  #ending = false;
  #port = 0;
  #complaints = '';

  /** @param news is called with each line the child reports. */
  constructor(name: string, spawn: SpawnNode, clock: Clock, news: (news: Record<string, unknown>) => void = () => {}) {
    this.name = name;
    this.#spawn = spawn;
    this.#clock = clock;
    this.#news = news;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }
  /** The port on which it listens; known after `listening`. */
  get port(): number {
    return this.#port;
  }

  /** Starts the process. */
  start(): void {
    const script = fileURLToPath(new URL(`./services/${this.name}.ts`, import.meta.url));
    const args = this.#port === 0 ? [] : [`--port=${this.#port}`];
    const child = this.#spawn(script, args, { role: this.name, target: true, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    this.#exited = new Promise<void>((resolve) => child.once('exit', () => resolve())).then(() => this.#died());
    child.stdin?.on('error', () => {}); // it has ended; `exit` says so
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#complaints = (this.#complaints + chunk.toString()).slice(-2_000);
    });
    if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line));
    this.#tell();
  }

  /** Resolves when it listens; throws FirebreakError `demo-failed` when it ends or says nothing for a minute. */
  async listening(): Promise<void> {
    const late = this.#clock.now() + START_WITHIN;
    const exited = this.#exited.then(() => true);
    while (this.#port === 0) {
      const gone = await Promise.race([exited, this.#clock.sleep(5).then(() => false)]);
      if (gone || this.#clock.now() > late) throw this.failure(gone ? 'ended at once' : 'did not start listening');
    }
  }

  /** Tells it, and each process that may follow it, what it needs to know. */
  configure(config: ChildSettings): void {
    this.#config = config;
    this.#tell();
  }

  /** An error about this child, with what it complained about last. */
  failure(what: string): FirebreakError {
    const complaint = this.#complaints.trim().split('\n').at(-1) ?? '';
    const message = `the demo's ${this.name} ${what}${complaint === '' ? '' : `: ${complaint}`}`;
    return new FirebreakError('demo-failed', message, {
      hint: 'run the demo again; when it fails again, report it together with this message',
    });
  }

  /** Ends it, with SIGKILL when it has not ended by itself within a second (an experiment may have stopped it). */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    this.#restart?.[Symbol.dispose]();
    this.#child?.stdin?.end();
    const kill = this.#clock.after(END_WITHIN, () => this.#child?.kill('SIGKILL'));
    await this.#exited;
    kill[Symbol.dispose]();
  }

  #tell(): void {
    if (this.#config !== undefined) this.#child?.stdin?.write(`${JSON.stringify(this.#config)}\n`);
  }
  #heard(line: string): void {
    const news = JSON.parse(line) as Record<string, unknown>;
    if (typeof news['port'] === 'number') this.#port = news['port'];
    this.#news(news);
  }
  #died(): void {
    // Before it was configured, the demo is still starting: `listening` reports that it died.
    if (this.#ending || this.#config === undefined) return;
    this.#restart = this.#clock.after(RESTART_AFTER, () => {
      try {
        this.start();
      } catch {
        this.#died(); // the machine has no process to give right now
      }
    });
  }
}
