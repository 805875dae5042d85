import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { realClock } from '../../kernel/clock.ts';
import { charge, type Charge } from './models.ts';
import { type Reply, runService } from './service.ts';

/** Charges that are kept one by one; older ones live on in the totals, so that a long game day fills no disk. */
const KEPT = 10_000;

/** Double-entry bookkeeping in SQLite: each charge is one line for the customer and one for the shop. */
class Ledger {
  readonly #db: DatabaseSync;
  readonly #insert;
  readonly #total;
  readonly #prune;
  readonly #sums;

  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    this.#db.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS entries (
        id INTEGER PRIMARY KEY, charge TEXT NOT NULL, account TEXT NOT NULL, cents INTEGER NOT NULL,
        at INTEGER NOT NULL, UNIQUE (charge, account));
      CREATE TABLE IF NOT EXISTS totals (account TEXT PRIMARY KEY, cents INTEGER NOT NULL, entries INTEGER NOT NULL);`);
    this.#insert = this.#db.prepare('INSERT OR IGNORE INTO entries (charge, account, cents, at) VALUES (?, ?, ?, ?)');
    this.#total = this.#db.prepare(
      `INSERT INTO totals VALUES (?, ?, 1)
       ON CONFLICT (account) DO UPDATE SET cents = cents + excluded.cents, entries = entries + 1`,
    );
    this.#prune = this.#db.prepare('DELETE FROM entries WHERE id <= (SELECT max(id) FROM entries) - ?');
    this.#sums = this.#db.prepare('SELECT account, cents, entries FROM totals');
  }

  /** Books a charge once, however often it is sent. */
  book({ order, cents }: Charge): boolean {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const fresh = this.#line(order, 'customer', -cents) && this.#line(order, 'shop', cents);
      this.#prune.run(2 * KEPT);
      this.#db.exec('COMMIT');
      return fresh;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  balance(): { charges: number; cents: number; balanced: boolean } {
    const sums = new Map(this.#sums.all().map((row) => [String(row['account']), row]));
    const of = (account: string, field: string): number => Number(sums.get(account)?.[field] ?? 0);
    const cents = of('shop', 'cents');
    return { charges: of('shop', 'entries'), cents, balanced: cents === -of('customer', 'cents') };
  }

  #line(id: string, account: string, cents: number): boolean {
    if (this.#insert.run(id, account, cents, Math.round(realClock.wall())).changes === 0) return false;
    this.#total.run(account, cents);
    return true;
  }
  close(): void {
    this.#db.close();
  }
}

let ledger: Ledger | undefined;
let folder = '';
runService(
  'ledger',
  (context) => {
    ({ folder } = context);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const book = (ledger = new Ledger(join(folder, 'ledger.sqlite')));
    return {
      'POST /entries': async (body): Promise<Reply> => {
        const asked = charge.safeParse(body);
        if (!asked.success) return { status: 400, body: { error: 'expected { order, cents }' } };
        await context.work(0, 1);
        return { status: 201, body: { order: asked.data.order, fresh: book.book(asked.data) } };
      },
      'GET /balance': () => ({ status: 200, body: book.balance() }),
    };
  },
  () => {
    ledger?.close();
    // When the parent was killed, nobody else is left to do it.
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  },
);
