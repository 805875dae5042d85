import { type Route, route as routeSchema } from './contract/models.ts';
import type { Clock } from './kernel/clock.ts';
import { type Bypass, mustBeFree, UpstreamWatch } from './lifecycle/bypass.ts';
import { MAX_LINE, type RouteMark } from './lifecycle/messages.ts';
import { createCertificateMaker, withFullPaths } from './route-tls.ts';
import { createWire } from './wire/create.ts';
import type { Wire } from './wire/wire.ts';

/**
 * What the watchdog is told of the open routes: all of a route where a stand-in that only copies bytes would be of no use.
 * What would make the message longer than it may be is left out.
 */
export function marksOf(routes: readonly Route[]): readonly RouteMark[] {
  let room = MAX_LINE / 2;
  return routes.map(markOf).filter((mark) => (room -= JSON.stringify(mark).length) >= 0);
}
function markOf(route: Route): RouteMark {
  const { name, protocol, listen, upstream, terminateTls, upstreamTls, upstreamsByName } = route;
  // Brokers of Kafka tell clients their own addresses, which may lead nowhere from where these are.
  const plain = terminateTls !== true && upstreamTls !== true && upstreamsByName === undefined && protocol !== 'kafka';
  return { name, listen, upstream, ...(!plain && { route: withFullPaths(route) }) };
}

/**
 * For routes of dead engines that have to be understood: they share a wire without policies, since brokers tell clients of each
 * other. Its certificates come from the authority in the state directory, so that clients trust it as they did before.
 * What it returns throws FirebreakError `listen-failed`, at once when the address is taken, and `tls-file` when a file of the
 * route is gone.
 */
export function wireStandIns(stateDir: string, clock: Clock, report: (error: Error) => void): (mark: RouteMark) => Promise<Bypass> {
  const { material } = createCertificateMaker(stateDir, clock);
  let shared: { readonly wire: Wire; users: number } | undefined;
  const enter = (leaving: AsyncDisposableStack): Wire => {
    const entered = (shared ??= { wire: createWire({ tls: material, onError: report }), users: 0 });
    entered.users++;
    leaving.defer(async () => {
      if (--entered.users > 0) return;
      shared = undefined;
      await entered.wire[Symbol.asyncDispose]();
    });
    return entered.wire;
  };
  return async (mark) => {
    await mustBeFree(mark);
    // Two engines may have given the same name.
    const route = { ...routeSchema.parse(mark.route), name: `${mark.name} at ${mark.listen}` };
    await using parts = new AsyncDisposableStack();
    const wire = enter(parts);
    parts.defer(() => wire.close([route.name]));
    await wire.open([route]);
    // The wire's own connections tell the watch nothing, so it tries for itself also while there are some.
    const watch = parts.use(new UpstreamWatch(mark.upstream, clock, () => true));
    const all = parts.move();
    return {
      route: mark,
      get connections() {
        return wire.routeCounters().find(({ name }) => name === route.name)?.active ?? 0;
      },
      get refusedSince() {
        return watch.refusedSince;
      },
      [Symbol.asyncDispose]: () => all.disposeAsync(),
    };
  };
}
