import { EXIT, FirebreakError } from './kernel/errors.ts';
import { type Route } from './contract/models.ts';
import { differenceOf } from './contract/words.ts';
import { type Wire } from './wire/wire.ts';

/** Routes of a run or an apply; disposing gives them back. */
export interface LentRoutes extends AsyncDisposable {
  /** As they listen now, in the order asked for. */
  readonly routes: readonly Route[];
}

export interface RouteParts {
  readonly wire: Pick<Wire, 'open' | 'close' | 'routes'>;
  /** Tells the watchdog which routes are open. */
  readonly changed: () => Promise<void>;
  /** Aborted by the next HALT. */
  readonly untilHalt: () => AbortSignal;
}

/**
 * Who uses which route: what several borrow is closed when the last gives it back. Routes that were open before stay
 * so, and so do those that were lent when HALT was called: it ends the faults, and must not cut off the applications
 * that are pointed at them.
 */
export class Routes {
  readonly #parts: RouteParts;
  /** Who has borrowed each route. */
  readonly #users = new Map<string, Set<symbol>>();
  /** Those to be closed when the last gives them back. */
  readonly #passing = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: RouteParts) {
    this.#parts = parts;
  }

  /** Opens what is not open yet. Throws when a name is open with another upstream, or a port is taken: then none is. */
  lend(wanted: readonly Route[]): Promise<LentRoutes> {
    const user = Symbol('user');
    const halt = this.#parts.untilHalt();
    return this.#inTurn(async () => {
      for (const name of await this.#open(wanted)) this.#passing.add(name);
      for (const { name } of wanted) this.#users.set(name, (this.#users.get(name) ?? new Set()).add(user));
      return {
        routes: this.#named(wanted),
        [Symbol.asyncDispose]: () => this.#inTurn(() => this.#giveBack(user, halt.aborted)),
      };
    });
  }

  /** Opens what is not open yet, until `close`. Throws as `lend` does. */
  keep(wanted: readonly Route[]): Promise<readonly Route[]> {
    return this.#inTurn(async () => {
      await this.#open(wanted);
      for (const { name } of wanted) this.#passing.delete(name);
      return this.#named(wanted);
    });
  }

  /** Closes them, all or none. Throws `route-in-use` when one is borrowed: its user would measure refused connections. */
  close(names: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      const used = names.filter((name) => this.#users.has(name));
      if (used.length > 0) throw inUse(used);
      for (const name of names) this.#passing.delete(name);
      await this.#parts.wire.close(names);
      await this.#parts.changed();
    });
  }

  /** The names of those that were not open before. */
  async #open(wanted: readonly Route[]): Promise<readonly string[]> {
    const { wire, changed } = this.#parts;
    const open = new Map(wire.routes().map((route) => [route.name, route]));
    for (const route of wanted) mustAgree(route, open.get(route.name));
    const missing = wanted.filter(({ name }) => !open.has(name));
    if (missing.length === 0) return [];
    const names = (await wire.open(missing)).map(({ name }) => name);
    try {
      await changed();
    } catch (error) {
      await wire.close(names);
      throw error;
    }
    return names;
  }

  async #giveBack(user: symbol, halted: boolean): Promise<void> {
    const unused: string[] = [];
    for (const [name, users] of this.#users) {
      if (!users.delete(user)) continue;
      if (users.size === 0) this.#users.delete(name);
      if (halted) this.#passing.delete(name);
      else if (users.size === 0 && this.#passing.delete(name)) unused.push(name);
    }
    if (unused.length === 0) return;
    await this.#parts.wire.close(unused);
    // The watchdog hears of it with the next beat at the latest: a run that is over must not fail for that.
    await this.#parts.changed().catch(() => {});
  }

  #named(wanted: readonly Route[]): readonly Route[] {
    const open = new Map(this.#parts.wire.routes().map((route) => [route.name, route]));
    return wanted.flatMap(({ name }) => open.get(name) ?? []);
  }

  /** One after the other: two that open the same route at once would both try. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn;
    return turn;
  }
}

function inUse(names: readonly string[]): FirebreakError {
  const which = names.length === 1 ? `The route ${names[0]} is` : `The routes ${names.join(', ')} are`;
  return new FirebreakError('route-in-use', `${which} used by a run or an apply that is under way; nothing was closed.`, {
    exitCode: EXIT.usage,
    hint: 'Wait until it has ended, or end it (HALT does), then close again.',
  });
}

function mustAgree(route: Route, open: Route | undefined): void {
  const difference = open === undefined ? '' : differenceOf(open, route);
  if (difference === '') return;
  throw new FirebreakError('route-differs', `The route ${route.name} is open already, ${difference}.`, {
    exitCode: EXIT.usage,
    hint: 'Close it, or give the route in the file another name.',
  });
}
