import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type Effect, type EffectFigure, type InjectContext } from '../../kernel/fault.ts';
import { Canary } from './canary.ts';
import { busySessions, type DatabaseParams } from './manifest.ts';
import { notDone } from './refusals.ts';
import { type Bounds, CANARY_WAIT, IDLE, type Server, type Session, WORD_EVERY } from './session.ts';
import { type DatabaseUndo } from './undo.ts';

const STATEMENT = 10_000;
/** Sessions are opened so many at a time: a server greets them one after another anyway. */
const AT_ONCE = 8;
/** A statement of the load is to take so long, milliseconds: short, so that a server notices soon that its client has gone. */
const PIECE = 75;
/** By so much a query must be slower for the load to count as biting. */
const SLOWER = 1.2;

/** One fault in motion: holds its sessions and measures what they come to. */
export class Occupation implements Disposable {
  readonly #server: Server;
  readonly #undo: DatabaseUndo;
  readonly #asked: DatabaseParams;
  readonly #context: InjectContext<DatabaseParams, DatabaseUndo>;
  readonly #clock: Clock;
  /** By their numbers; 0 is the one that measures. */
  readonly #sessions = new Map<number, Session>();
  readonly #words: Disposable;
  #canary: Canary | undefined;
  #rows = 0;
  /** Sessions that an administrator has ended are not opened again. */
  #target: number;
  #over = false;

  constructor(server: Server, undo: DatabaseUndo, context: InjectContext<DatabaseParams, DatabaseUndo>, clock: Clock) {
    this.#server = server;
    this.#undo = undo;
    this.#asked = context.request.params;
    this.#context = context;
    this.#clock = clock;
    this.#target = undo.most;
    this.#words = clock.every(WORD_EVERY, () => this.#say());
  }

  /** A word to the server in each session, as long as there is one: whoever has ended them all, nothing is left to keep. */
  #say(): void {
    const living = [...this.#sessions.values()].filter(({ lost }) => !lost);
    if (this.#sessions.size > 0 && living.length === 0) this.#words[Symbol.dispose]();
    for (const session of living) void session.run('SELECT 1').catch(() => {});
  }

  /** @throws FirebreakError `lock-refused`, `read-only`, `not-allowed`, or what the server says. */
  async begin(): Promise<void> {
    await this.#told(() => this.#begin());
  }

  async measure(): Promise<Effect> {
    return this.#told(() => this.#measure());
  }

  async #begin(): Promise<void> {
    const control = await this.#open(0, { lock: CANARY_WAIT });
    this.#canary = new Canary(this.#server, control, this.#asked, this.#clock);
    await this.#canary.measureBefore();
    const { action } = this.#asked;
    if (action === 'connections') await this.#fill(this.#target);
    else if (action === 'slow') await this.#load();
    else await this.#lock();
    this.#context.injected(`${this.#sessions.size} sessions on ${this.#server.place.name}`);
  }

  async #measure(): Promise<Effect> {
    const control = this.#sessions.get(0);
    if (control === undefined || this.#canary === undefined || control.lost) return { bitten: false, detail: `the sessions on ${this.#server.place.name} have ended: it was restarted, or somebody ended them`, figures: [] };
    await this.#canary.measure();
    if (this.#asked.action === 'connections') await this.#topUp(control);
    const held = (await this.#server.marked(control, this.#undo.mark, this.#undo.most)).length;
    const { figures, bitten, words } = await this.#result(control, held);
    return { bitten, detail: [words, this.#canary.describe()].filter(Boolean).join('; '), figures };
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#words[Symbol.dispose]();
    for (const session of this.#sessions.values()) session.drop();
    this.#sessions.clear();
  }

  async #result(control: Session, held: number): Promise<{ readonly figures: EffectFigure[]; readonly bitten: boolean; readonly words: string }> {
    const { action, table, rows } = this.#asked;
    const one = (name: string, requested: number, delivered: number): EffectFigure => ({ name, unit: 'count', requested, delivered, samples: 1 });
    const canary = this.#canary;
    const blocked = canary?.blocked === true;
    switch (action) {
      case 'connections': {
        const { max, kept, used } = await this.#server.room(control);
        return {
          figures: [one('connections taken', this.#undo.most, held)],
          bitten: held * 2 >= this.#undo.most,
          words: `${held} connections taken, ${Math.max(0, max - kept - used)} free`,
        };
      }
      case 'table_lock': {
        const locks = await this.#server.locks(control, this.#undo.mark, table);
        // Where the server does not tell its locks, that the canary has to wait shows it.
        return { figures: [one('table locks', 1, Math.min(1, locks ?? (blocked ? 1 : 0)))], bitten: blocked && locks !== 0, words: `${table} is locked` };
      }
      case 'row_lock':
        return { figures: [one('rows locked', rows, this.#rows)], bitten: blocked && this.#rows > 0, words: `${this.#rows} rows of ${table} are locked` };
      case 'slow': {
        const { before, during } = canary?.p50 ?? { before: Number.NaN, during: Number.NaN };
        const busy = Math.max(0, held - 1);
        return { figures: [one('busy sessions', this.#undo.most - 1, busy)], bitten: busy > 0 && during >= before * SLOWER, words: `${busy} sessions are busy` };
      }
    }
  }

  /** What the server has against it, with its name and what would help. */
  async #told<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw notDone(this.#server.place.name, this.#server.refusal(error), error);
    }
  }

  async #open(number: number, bounds: Partial<Bounds> = {}): Promise<Session> {
    const statement = Math.max(STATEMENT, this.#asked.wait + 2_000);
    const session = await this.#server.open(this.#undo.mark, number, { idle: IDLE, statement, lock: this.#asked.wait, ...bounds });
    if (this.#over || this.#context.signal.aborted) {
      session.drop();
      throw new FirebreakError('fault-ended', 'it ended while its sessions were opened');
    }
    this.#sessions.set(number, session);
    return session;
  }

  /** Opens sessions until there are so many, or the server has no more. */
  async #fill(count: number): Promise<void> {
    const free = Array.from({ length: this.#undo.most }, (_, number) => number).filter((number) => !this.#sessions.has(number));
    const wanted = free.slice(0, Math.max(0, count - this.#sessions.size));
    for (let from = 0; from < wanted.length; from += AT_ONCE) {
      const opened = await Promise.allSettled(wanted.slice(from, from + AT_ONCE).map((number) => this.#open(number)));
      const failed = opened.find((result) => result.status === 'rejected');
      if (failed === undefined) continue;
      if (this.#server.full(failed.reason)) return; // an application was faster; what it gives back is taken later
      throw failed.reason;
    }
  }

  /** Takes what was given back meanwhile, within the bound; leaves it to the administrator who ended some. */
  async #topUp(control: Session): Promise<void> {
    for (const [number, session] of this.#sessions) {
      if (!session.lost) continue;
      this.#sessions.delete(number);
      this.#target--;
    }
    if (this.#sessions.size >= this.#target) return;
    const { max, kept, used } = await this.#server.room(control);
    const spare = max - kept - used - this.#asked.reserve;
    if (spare > 0) await this.#fill(Math.min(this.#target, this.#sessions.size + spare));
  }

  async #lock(): Promise<void> {
    const { action, table, mode, where, rows } = this.#asked;
    const session = await this.#open(1);
    try {
      if (action === 'table_lock') await this.#server.lockTable(session, table, mode);
      else this.#rows = await this.#server.lockRows(session, table, where, rows);
    } catch (error) {
      if (!this.#server.waited(error)) throw error;
      throw new FirebreakError('lock-refused', `the lock on ${table} was not granted within ${this.#asked.wait} ms: somebody else holds it`, { hint: 'wait longer, or try when there is less to do', cause: error });
    }
    if (action === 'row_lock' && this.#rows === 0) throw new FirebreakError('lock-refused', `no row of ${table} matches`, { hint: 'check where' });
  }

  async #load(): Promise<void> {
    const numbers = Array.from({ length: busySessions(this.#asked) }, (_, index) => index + 1);
    for (const session of await Promise.all(numbers.map((number) => this.#open(number)))) void this.#keepBusy(session);
  }

  async #keepBusy(session: Session): Promise<void> {
    for (let size = 1_000; !this.#over && !session.lost; ) {
      const from = this.#clock.now();
      try {
        await session.run(this.#server.work(Math.round(size)));
      } catch (error) {
        if (!this.#server.waited(error)) return; // it was ended, which the count of sessions shows
      }
      const took = Math.max(1, this.#clock.now() - from);
      size = Math.min(5_000_000, Math.max(100, size * Math.min(2, Math.max(0.5, PIECE / took))));
    }
  }
}
