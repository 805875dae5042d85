import { hostname } from 'node:os';
import { type Address, formatAddress } from '../address.ts';
import { type RoutePlace, routePlaces } from '../places.ts';
import { listOf, numberOf, type Struct, textOf } from './schema.ts';

/** How many addresses are remembered besides those of the routes. */
const KEPT = 10_000;
const LOOPBACK = new Set(['', 'localhost', '127.0.0.1', '::1', '0.0.0.0', '::', hostname().toLowerCase()]);
/** Listening there means on every address of this machine. */
const ANYWHERE = new Set(['', '0.0.0.0', '::']);

/** Routes by addresses that are not their upstream's, but certainly the same broker's. */
const aliases = new Map<string, string>();

/** What became of the addresses in an answer. */
export interface Readdressed {
  readonly changed: boolean;
  /** Brokers that no route serves: clients go to them directly. */
  readonly routeless: readonly string[];
}

/**
 * Points the addresses of brokers in an answer at the routes that serve them, so that clients stay on the routes. A route serves the
 * broker whose advertised address is its upstream. Where a whole cluster is one broker, that broker is the one that answered.
 * @param own the route that the answer crosses; it wins over others with the same upstream.
 * @param whole the answer names all brokers of the cluster.
 * @param local the address of this machine that the client reached, for routes that listen on all of them.
 */
export function readdress(answer: Struct, own: string, whole: boolean, local: string): Readdressed {
  const brokers = listOf(answer, 'brokers');
  const all = brokers.length > 0 ? brokers : [answer];
  const routeless: string[] = [];
  let changed = false;
  for (const broker of all) {
    const host = textOf(broker, 'host');
    const port = numberOf(broker, 'port', -1);
    if (host === '' || port < 0) continue;
    const place = placeOf({ host, port }, own, whole && all.length === 1);
    if (place === undefined) {
      routeless.push(`broker ${numberOf(broker, 'id', -1)} at ${formatAddress({ host, port })}`);
      continue;
    }
    const { listen } = place;
    const shown = ANYWHERE.has(listen.host) && local !== '' ? local : listen.host === '' ? 'localhost' : listen.host;
    if (shown === host && listen.port === port) continue;
    broker['host'] = shown;
    broker['port'] = listen.port;
    changed = true;
  }
  return { changed, routeless };
}

function placeOf(broker: Address, own: string, alone: boolean): RoutePlace | undefined {
  const mine = routePlaces.get(own);
  if (mine !== undefined && same(mine.upstream, broker)) return mine;
  for (const place of routePlaces.values()) if (place.protocol === 'kafka' && same(place.upstream, broker)) return place;
  const key = formatAddress(broker);
  if (alone && mine !== undefined) {
    aliases.set(key, own);
    if (aliases.size > KEPT) aliases.delete(aliases.keys().next().value ?? '');
    return mine;
  }
  return routePlaces.get(aliases.get(key) ?? '');
}

function same(upstream: Address, broker: Address): boolean {
  if (upstream.port !== broker.port) return false;
  const [one, other] = [upstream.host.toLowerCase(), broker.host.toLowerCase()];
  return one === other || (LOOPBACK.has(one) && LOOPBACK.has(other));
}
