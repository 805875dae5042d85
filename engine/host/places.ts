import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { type Clock } from '../kernel/clock.ts';

/** Where something listens; a host of '' is every address of this machine. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** A place as it compares with addresses that were seen. */
export interface Spot {
  readonly port: number;
  /** Whether it is known to be on this machine. */
  readonly here: boolean;
  /** Whether this is an address of it. */
  covers(address: string): boolean;
  /** Whether who asks for it gets to a listener bound to this address. */
  reaches(bound: string): boolean;
}

/** How long the addresses of a name are believed, milliseconds; the shortest time to live in common use. */
const BELIEVED_FOR = 60_000;

/** Looks names up without making anybody wait: a name that is new has no address until it is asked for again. */
export class HostNames {
  readonly #clock: Clock;
  readonly #known = new Map<string, { addresses: readonly string[]; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Reads the addresses of this machine once for all the places that are then compared. */
  now(): { isOwn(address: string): boolean; spot(place: Place): Spot } {
    const own = new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)));
    const isOwn = (address: string): boolean => isLoopback(address) || own.has(address);
    const spot = ({ host, port }: Place): Spot => {
      if (isAny(host)) return { port, here: true, covers: () => true, reaches: (bound) => isAny(bound) || isOwn(bound) };
      const addresses = this.#addressesOf(host, own);
      const here = addresses.length > 0 && addresses.every(isOwn);
      const covers = (address: string): boolean => addresses.includes(address);
      return { port, here, covers, reaches: (bound) => (isAny(bound) ? here : covers(bound)) };
    };
    return { isOwn, spot };
  }

  #addressesOf(host: string, own: ReadonlySet<string>): readonly string[] {
    if (isIP(host) !== 0) return [canonical(host)];
    if (host === 'localhost') return ['127.0.0.1', '::1'];
    if (host === hostname()) return ['127.0.0.1', '127.0.1.1', ...own];
    const known = this.#known.get(host);
    if (known === undefined || this.#clock.now() - known.at >= BELIEVED_FOR) this.#refresh(host, known?.addresses ?? []);
    return known?.addresses ?? [];
  }

  #refresh(host: string, until: readonly string[]): void {
    const entry = { addresses: until, at: this.#clock.now() };
    this.#known.set(host, entry);
    lookup(host, { all: true }).then(
      (found) => (entry.addresses = found.map(({ address }) => canonical(address))),
      () => (entry.addresses = []),
    );
  }
}

const isAny = (host: string): boolean => host === '' || host === '0.0.0.0' || host === '::';
const isLoopback = (host: string): boolean => host.startsWith('127.') || host === '::1';
/** One way to write each address: that of the socket table here. */
const canonical = (host: string): string => (isIP(host) === 6 ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host);
