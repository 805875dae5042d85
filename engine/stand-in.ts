import { type Route, route as routeSchema } from './contract/models.ts';
import type { Clock } from './kernel/clock.ts';
import { type Bypass, mustBeFree, UpstreamWatch } from './lifecycle/bypass.ts';
import { MAX_LINE, type RouteMark } from './lifecycle/messages.ts';
import { createCertificateMaker, withFullPaths } from './route-tls.ts';
import { createWire } from './wire/create.ts';

/**
 * What the watchdog is told of the open routes: all of a route where a stand-in that only copies bytes would be of no use.
 * What would make the message longer than it may be is left out.
 */
export function marksOf(routes: readonly Route[]): readonly RouteMark[] {
  let room = MAX_LINE / 2;
  return routes.map(markOf).filter((mark) => (room -= JSON.stringify(mark).length) >= 0);
}
function markOf(route: Route): RouteMark {
  const { name, listen, upstream, terminateTls, upstreamTls, upstreamsByName } = route;
  const plain = terminateTls !== true && upstreamTls !== true && upstreamsByName === undefined;
  return { name, listen, upstream, ...(!plain && { route: withFullPaths(route) }) };
}

/**
 * Stands in for a dead engine at a route with TLS: a wire without policies, whose certificates come from the authority in
 * the state directory, so that clients trust it as they did before. Throws FirebreakError `listen-failed`, at once when the
 * address is taken, and `tls-file` when a file of the route is gone.
 */
export async function openWireBypass(mark: RouteMark, stateDir: string, clock: Clock, report: (error: Error) => void): Promise<Bypass> {
  await mustBeFree(mark);
  const route = routeSchema.parse(mark.route);
  await using parts = new AsyncDisposableStack();
  const wire = parts.use(createWire({ tls: createCertificateMaker(stateDir, clock).material, onError: report }));
  await wire.open([route]);
  // The wire's own connections tell the watch nothing, so it tries for itself also while there are some.
  const watch = parts.use(new UpstreamWatch(mark.upstream, clock, () => true));
  const all = parts.move();
  return {
    route: mark,
    get connections() {
      return wire.routeCounters()[0]?.active ?? 0;
    },
    get refusedSince() {
      return watch.refusedSince;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
