import { type Line } from '../../stores/lines.ts';
import { type Log } from '../../stores/log.ts';
import { Choices, type Filter, matcherOf } from './filter.ts';

/** What a journal is made from; a test gives its own time. */
export interface JournalParts {
  readonly sources: readonly Log<Line>[];
  readonly filter: Filter;
  readonly now: () => number;
  /** Calls back a little later, in a task of its own. */
  readonly later: (work: () => void) => void;
  /** Calls back before the next drawing of the screen. */
  readonly frame: (work: () => void) => void;
}

interface Held {
  readonly lines: readonly Line[];
  /** How much of each source that is. */
  readonly read: readonly number[];
}

/** A journal shows so many of the newest lines. */
export const MOST_LINES = 10_000;
/** Longest piece of work on the page's only thread, milliseconds: half of a frame of a 60 Hz screen. */
const PIECE = 8;
/** Lines tested between two looks at the clock. */
const BETWEEN = 200;

const byArrival = (one: Line, other: Line): number => one.n - other.n;

/**
 * The lines that a filter lets through, in order of arrival. New lines are tested as they come; another filter tests all
 * anew, in pieces, and the old list stands until that is done. While it is paused the list does not change.
 */
export class Journal {
  readonly #parts: JournalParts;
  readonly #listeners = new Set<() => void>();
  readonly #subscriptions: (() => void)[] = [];
  readonly choices = new Choices();
  #matches: (line: Line) => boolean;
  #filter: Filter;
  /** How much of each source has been tested. */
  #read: number[];
  /** All lines that there were when it was paused: the sources forget them while one looks. */
  #held: Held | undefined;
  #lines: readonly Line[] = [];
  #waiting: Line[] = [];
  #came = 0;
  #paused = false;
  #version = 0;
  #asked = false;
  /** Rises with each change of the filter, so that what is under way for an older one ends. */
  #job = 0;
  #testing = false;

  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.#filter = parts.filter;
    this.#matches = matcherOf(parts.filter);
    this.#read = parts.sources.map(() => 0);
  }

  /** Oldest first. The same array until the version rises. */
  get lines(): readonly Line[] {
    return this.#lines;
  }
  get paused(): boolean {
    return this.#paused;
  }
  /** How many lines came since it was paused. */
  get came(): number {
    return this.#came;
  }
  /** A filter is being brought into force. */
  get testing(): boolean {
    return this.#testing;
  }
  get filter(): Filter {
    return this.#filter;
  }

  readonly version = (): number => this.#version;
  /** For useSyncExternalStore; works while somebody listens. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#subscriptions.push(...this.#parts.sources.map((source) => source.subscribe(this.#ask)));
      this.#testAll();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) for (const end of this.#subscriptions.splice(0)) end();
    };
  };

  /** Brings another filter into force. While paused it is for the lines that stand still. */
  setFilter(filter: Filter): void {
    if (same(filter, this.#filter)) return;
    this.#filter = filter;
    this.#matches = matcherOf(filter);
    this.#testAll();
  }
  pause(): void {
    if (this.#paused) return;
    this.#pull();
    this.#paused = true;
    this.#held = this.#all();
    this.#changed();
  }
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#held = undefined;
    this.#append(this.#waiting);
    this.#waiting = [];
    this.#came = 0;
    this.#changed();
  }

  /** Takes what has come, at most once a frame. */
  readonly #ask = (): void => {
    if (this.#asked) return;
    this.#asked = true;
    this.#parts.frame(() => {
      this.#asked = false;
      this.#pull();
    });
  };

  #pull(): void {
    // What comes meanwhile is read when the work on the filter is done.
    if (this.#testing) return;
    const before = this.choices.version;
    const fresh = this.#fresh();
    const found = fresh.filter(this.#matches);
    if (found.length === 0 && this.choices.version === before) return;
    if (this.#paused) {
      this.#waiting = [...this.#waiting, ...found].slice(-MOST_LINES);
      this.#came += found.length;
    } else this.#append(found);
    this.#changed();
  }

  /** What no source has given yet, in order of arrival. */
  #fresh(): Line[] {
    const fresh = this.#parts.sources.flatMap((source, index) => source.since(this.#read[index] ?? 0));
    this.#read = this.#parts.sources.map(({ total }) => total);
    for (const line of fresh) this.choices.see(line);
    return fresh.sort(byArrival);
  }
  #append(found: readonly Line[]): void {
    if (found.length > 0) this.#lines = [...this.#lines, ...found].slice(-MOST_LINES);
  }
  /** Everything that the sources hold, in order of arrival. */
  #all(): Held {
    const { sources } = this.#parts;
    return { lines: sources.flatMap(({ items }) => items).sort(byArrival), read: sources.map(({ total }) => total) };
  }

  /** Tests everything, the newest first, in pieces. */
  #testAll(): void {
    const job = ++this.#job;
    this.#testing = true;
    const { lines: all, read } = this.#held ?? this.#all();
    const found: Line[] = [];
    let next = all.length - 1;
    const step = (): void => {
      if (job !== this.#job) return;
      const until = this.#parts.now() + PIECE;
      while (next >= 0) {
        for (const end = Math.max(0, next - BETWEEN); next >= end; next--) {
          const line = all[next];
          if (line === undefined) continue;
          this.choices.see(line);
          if (found.length < MOST_LINES && this.#matches(line)) found.push(line);
        }
        if (next >= 0 && this.#parts.now() >= until) return this.#parts.later(step);
      }
      this.#testing = false;
      this.#lines = found.reverse();
      this.#read = [...read];
      this.#waiting = [];
      this.#came = 0;
      this.#changed();
      this.#ask();
    };
    step();
    if (this.#testing) this.#changed();
  }

  #changed(): void {
    this.#version++;
    for (const listener of this.#listeners) listener();
  }
}

const same = (one: Filter, other: Filter): boolean =>
  (Object.keys(one) as (keyof Filter)[]).every((key) => one[key] === other[key]);
