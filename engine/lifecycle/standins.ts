import { type Clock } from '../kernel/clock.ts';
import { errnoOf, messageOf } from '../kernel/errors.ts';
import { type Bypass } from './bypass.ts';
import { type RouteMark } from './messages.ts';

export type OpenBypass = (route: RouteMark, clock: Clock) => Promise<Bypass>;

/** How long, and how often, to try an address that the dead engine has not let go of yet; milliseconds. */
const TAKE_WITHIN = 3_000;
const TAKE_EVERY = 50;
/** A bypass that nobody uses ends when its upstream has refused connections for so long, in milliseconds. */
const REFUSED_FOR = 30_000;

/** The bypasses of one watchdog, by listening address. */
export class StandIns {
  readonly #clock: Clock;
  readonly #open: OpenBypass;
  readonly #log: (text: string) => void;
  readonly #bypasses = new Map<string, Bypass>();
  /** Addresses that are being taken; given up when a new engine asks for one first. */
  readonly #taking = new Map<string, { readonly given: AbortController; readonly done: Promise<void> }>();

  constructor(clock: Clock, open: OpenBypass, log: (text: string) => void) {
    this.#clock = clock;
    this.#open = open;
    this.#log = log;
  }

  get idle(): boolean {
    return this.#bypasses.size === 0 && this.#taking.size === 0;
  }

  /** Takes over the routes of an engine that died. */
  take(routes: readonly RouteMark[]): void {
    for (const route of routes) {
      const { listen } = route;
      if (this.#bypasses.has(listen) || this.#taking.has(listen)) continue;
      const given = new AbortController();
      const done = this.#take(route, given.signal).finally(() => this.#taking.delete(listen));
      this.#taking.set(listen, { given, done });
    }
  }

  async #take(route: RouteMark, given: AbortSignal): Promise<void> {
    const end = this.#clock.now() + TAKE_WITHIN;
    while (!given.aborted) {
      try {
        const bypass = await this.#open(route, this.#clock);
        if (given.aborted) return await bypass[Symbol.asyncDispose]();
        this.#bypasses.set(route.listen, bypass);
        this.#log(`standing in for route ${route.name} at ${route.listen} -> ${route.upstream}`);
        return;
      } catch (error) {
        const taken = errnoOf(error instanceof Error ? error.cause : undefined) === 'EADDRINUSE';
        if (!taken || this.#clock.now() >= end) {
          this.#log(`cannot stand in for route ${route.name}: ${messageOf(error)}`);
          return;
        }
        await this.#clock.sleep(TAKE_EVERY);
      }
    }
  }

  /** Lets go of these addresses, or of all when none is named; resolves when they are free. */
  async release(listen: readonly string[]): Promise<void> {
    const asked = (address: string): boolean => listen.length === 0 || listen.includes(address);
    const taking = [...this.#taking].filter(([address]) => asked(address)).map(([, one]) => one);
    for (const { given } of taking) given.abort();
    const ending = [...this.#bypasses].filter(([address]) => asked(address));
    for (const [address] of ending) this.#bypasses.delete(address);
    await Promise.all([...taking.map(({ done }) => done), ...ending.map(([, bypass]) => bypass[Symbol.asyncDispose]())]);
    if (ending.length > 0) this.#log(`let go of ${ending.map(([address]) => address).join(', ')}`);
  }

  /** Ends the bypasses of upstreams that are gone. */
  async prune(): Promise<void> {
    const gone = [...this.#bypasses.values()].filter(
      ({ connections, refusedSince }) =>
        connections === 0 && refusedSince !== null && this.#clock.now() - refusedSince >= REFUSED_FOR,
    );
    if (gone.length > 0) await this.release(gone.map(({ route }) => route.listen));
  }
}
