import { EXIT, FirebreakError } from '../kernel/errors.ts';
import { type Route } from '../contract/models.ts';
import { differenceOf } from '../contract/words.ts';

/** Opens what is not open yet; disposing gives that back. */
export type OpenRoutes = (
  routes: readonly Route[],
) => Promise<AsyncDisposable & { readonly routes: readonly Route[] }>;

/** The routes of one apply, each opened and closed on its own, so that a reload can add one and drop another. */
export class AppliedRoutes implements AsyncDisposable {
  readonly #open: OpenRoutes;
  readonly #lent = new Map<string, { readonly route: Route; readonly hold: AsyncDisposable }>();

  constructor(open: OpenRoutes) {
    this.#open = open;
  }

  /**
   * Opens the new ones of `routes`, all or none, and names them. Throws `route-differs` when one has become another.
   */
  async add(routes: readonly Route[]): Promise<readonly string[]> {
    for (const route of routes) refuseMoved(route, this.#lent.get(route.name)?.route);
    const added: string[] = [];
    try {
      for (const route of routes) {
        if (this.#lent.has(route.name)) continue;
        this.#lent.set(route.name, { route, hold: await this.#open([route]) });
        added.push(route.name);
      }
    } catch (error) {
      await this.drop(added);
      throw error;
    }
    return added;
  }

  /** Those that `routes` no longer names. */
  beyond(routes: readonly Route[]): readonly Route[] {
    const named = new Set(routes.map(({ name }) => name));
    return [...this.#lent.values()].map(({ route }) => route).filter(({ name }) => !named.has(name));
  }

  /** Closes them, the newest first. */
  async drop(names: readonly string[]): Promise<void> {
    await using closing = new AsyncDisposableStack();
    for (const name of names) {
      const lent = this.#lent.get(name);
      this.#lent.delete(name);
      if (lent !== undefined) closing.use(lent.hold);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drop([...this.#lent.keys()]);
  }
}

/** Applications hold connections to a route that is open: it is closed and opened anew only when the file says so. */
function refuseMoved(route: Route, known: Route | undefined): void {
  if (known === undefined) return;
  const { name, listen, upstream, protocol } = known;
  const difference = differenceOf(known, route);
  if (route.listen === listen && difference === '') return;
  const message = `The route ${name} is open already, as ${protocol} ${listen} to ${upstream}${difference.startsWith('with') ? `, ${difference}` : ''}.`;
  throw new FirebreakError('route-differs', message, {
    exitCode: EXIT.usage,
    hint: 'Give the new route another name, or end the apply and start it again.',
  });
}
