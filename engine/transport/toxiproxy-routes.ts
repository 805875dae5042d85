import { type Route } from '../contract/models.ts';
import { fnv1a } from '../kernel/hash.ts';

/** The names that a file may give to routes (contract/sections.ts). */
const ROUTE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** Characters of a name that stay readable where it cannot be a route's. */
const READABLE = 50;

/** The route of a proxy. Toxiproxy takes any name: one that cannot be a route's is made into one, the same each time. */
export const routeNameOf = (proxy: string): string =>
  ROUTE_NAME.test(proxy) ? proxy : `p-${proxy.slice(0, READABLE).replaceAll(/[^A-Za-z0-9._-]/g, '-')}-${fnv1a(proxy).toString(36)}`;

export const routeOf = ({ name, listen, upstream }: { readonly name: string; readonly listen: string; readonly upstream: string }): Route => ({
  name: routeNameOf(name),
  protocol: 'tcp',
  listen: addressOf(listen),
  upstream,
});

/** What the wire listens on for an address of Toxiproxy: localhost by its number, as Go shows it, and loopback where none is named. */
export function addressOf(listen: string): string {
  if (listen === '') return '127.0.0.1:0';
  return listen.replace(/^localhost(?=:)/, '127.0.0.1').replace(/^(?=:\d+$)/, '[::]');
}
