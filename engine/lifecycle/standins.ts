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
  /** Addresses that are being taken; aborted when a new engine asks for one first. */
  readonly #taking = new Map<string, AbortController>();

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
      if (!this.#bypasses.has(route.listen) && !this.#taking.has(route.listen)) void this.#take(route);
    }
  }

  async #take(route: RouteMark): Promise<void> {
    const given = new AbortController();
    this.#taking.set(route.listen, given);
    const end = this.#clock.now() + TAKE_WITHIN;
    while (!given.signal.aborted) {
      try {
        const bypass = await this.#open(route, this.#clock);
        if (given.signal.aborted) await bypass[Symbol.asyncDispose]();
        else this.#bypasses.set(route.listen, bypass);
        this.#log(`standing in for route ${route.name} at ${route.listen} -> ${route.upstream}`);
        break;
      } catch (error) {
        const taken = errnoOf(error instanceof Error ? error.cause : undefined) === 'EADDRINUSE';
        if (!taken || this.#clock.now() >= end) {
          this.#log(`cannot stand in for route ${route.name}: ${messageOf(error)}`);
          break;
        }
        await this.#clock.sleep(TAKE_EVERY);
      }
    }
    this.#taking.delete(route.listen);
  }

  /** Lets go of these addresses, or of all when none is named; resolves when they are free. */
  async release(listen: readonly string[]): Promise<void> {
    const asked = (address: string): boolean => listen.length === 0 || listen.includes(address);
    for (const [address, given] of this.#taking) if (asked(address)) given.abort();
    const ending = [...this.#bypasses].filter(([address]) => asked(address));
    for (const [address] of ending) this.#bypasses.delete(address);
    await Promise.all(ending.map(([, bypass]) => bypass[Symbol.asyncDispose]()));
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
