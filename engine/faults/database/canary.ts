import { type Clock } from '../../kernel/clock.ts';
import { type DatabaseParams } from './manifest.ts';
import { type Server, type Session } from './session.ts';

/** How many times it is run before the fault, and how many of the latest count. */
const BEFORE = 5;
const KEPT = 60;
/** As much work as takes a few milliseconds. */
const SIZE = 3_000;

/** A query such as an application's, timed before the fault and during it: what the fault comes to for others. */
export class Canary {
  readonly #server: Server;
  readonly #session: Session;
  readonly #asked: DatabaseParams;
  readonly #clock: Clock;
  readonly #before: number[] = [];
  readonly #during: number[] = [];
  #blocked = false;

  constructor(server: Server, session: Session, asked: DatabaseParams, clock: Clock) {
    this.#server = server;
    this.#session = session;
    this.#asked = asked;
    this.#clock = clock;
  }

  /** Medians in milliseconds; NaN while there is none. One that gave up waiting counts with the time it waited. */
  get p50(): { readonly before: number; readonly during: number } {
    return { before: median(this.#before), during: median(this.#during) };
  }
  /** Whether the latest had to give up waiting. */
  get blocked(): boolean {
    return this.#blocked;
  }

  async measureBefore(): Promise<void> {
    // What somebody else holds already is not waited for again and again.
    for (let run = 0; run < BEFORE && !this.#blocked; run++) this.#before.push(await this.#time());
  }

  async measure(): Promise<void> {
    this.#during.push(await this.#time());
    if (this.#during.length > KEPT) this.#during.shift();
  }

  describe(): string {
    const { before, during } = this.p50;
    const text = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
    if (Number.isNaN(during)) return '';
    return `canary query ${text(during)} (p50), ${text(before)} before${this.#blocked ? '; it gives up waiting' : ''}`;
  }

  async #time(): Promise<number> {
    const from = this.#clock.now();
    this.#blocked = false;
    try {
      await this.#run();
    } catch (error) {
      if (!this.#server.waited(error)) throw error;
      this.#blocked = true;
    }
    return this.#clock.now() - from;
  }

  async #run(): Promise<unknown> {
    const { action, table, mode, where } = this.#asked;
    if (action === 'table_lock') return this.#server.tryTable(this.#session, table, mode);
    if (action === 'row_lock') return this.#server.tryRows(this.#session, table, where);
    return this.#session.run(action === 'slow' ? this.#server.work(SIZE) : 'SELECT 1');
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : (sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN);
}
