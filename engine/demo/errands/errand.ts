import { realClock } from '../../kernel/clock.ts';
import { messageOf } from '../../kernel/errors.ts';

/** One small job over one protocol, by a client of that protocol. What it returns tells what it has seen. */
export interface Errand extends AsyncDisposable {
  /** Why it can do nothing any more, if so: its connection is gone, and its client makes no other. */
  readonly broken?: Error | undefined;
  run(): Promise<Readonly<Record<string, unknown>>>;
}
/** Connects to `host:port`. */
export type OpenErrand = (address: string) => Promise<Errand>;

/** Nothing that an errand waits for may take longer, milliseconds. */
export const PATIENCE = 2_000;
/** What connects goes on behind an errand that has given up: else nobody would ever get through to a slow server. */
export const CONNECT_WITHIN = 10_000;
/** How often an errand is tried in all: what fails once is tried again at once, as a careful client would. */
const TRIES = 2;

export interface Tally {
  /** How often it was done, needed a second try, and failed for good. */
  done: number;
  again: number;
  failed: number;
}

/** An errand that connects when it is needed, again after it has failed, and counts how it goes. */
export class Runner implements AsyncDisposable {
  readonly tally: Tally = { done: 0, again: 0, failed: 0 };
  readonly #open: () => Promise<Errand>;
  #errand: Promise<Errand> | undefined;
  /** What it told last. */
  #told: Readonly<Record<string, unknown>> = {};

  constructor(open: () => Promise<Errand>) {
    this.#open = open;
  }
  get told(): Readonly<Record<string, unknown>> {
    return this.#told;
  }
  /** Rejects with what was wrong the last time. */
  async run(): Promise<Readonly<Record<string, unknown>>> {
    for (let tries = 1; ; tries++) {
      try {
        this.#told = await this.#once();
        this.tally.done++;
        return { ...this.#told, tries };
      } catch (error) {
        if (tries === TRIES) {
          this.tally.failed++;
          throw error;
        }
        this.tally.again++;
      }
    }
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#errand?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  async #once(): Promise<Readonly<Record<string, unknown>>> {
    const opening = (this.#errand ??= this.#open());
    // The next run connects anew, unless another has done so already.
    const forget = (): void => void (this.#errand === opening && (this.#errand = undefined));
    opening.catch(forget);
    const errand = await inTime(opening, 'connecting');
    try {
      return await inTime(errand.run(), 'the errand');
    } finally {
      if (errand.broken !== undefined) {
        forget();
        void Promise.resolve(errand[Symbol.asyncDispose]()).catch(() => {});
      }
    }
  }
}

/** Rejects when it takes longer than PATIENCE. What comes of it later is nobody's concern. */
export async function inTime<T>(work: Promise<T>, what: string, ms = PATIENCE): Promise<T> {
  work.catch(() => {});
  const over = new AbortController();
  const late = realClock.sleep(ms, over.signal).then(() => {
    throw new Error(`${what} took longer than ${ms} ms`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

/** For the answer to whoever sent us. */
export const wordsOf = (error: unknown): string => messageOf(error).split('\n')[0] ?? '';
