import { EXIT, FirebreakError } from './kernel/errors.ts';
import { type Route } from './contract/models.ts';
import { type Wire } from './wire/wire.ts';

/** Routes of a run: what was open already stays so when the run ends, the rest is closed. */
export interface LentRoutes extends AsyncDisposable {
  /** As they listen now, in the order asked for. */
  readonly routes: readonly Route[];
}

/** Opens those of `wanted` that are not open yet. Throws when a name is open with another upstream, or a port is taken. */
export async function lendRoutes(wire: Wire, wanted: readonly Route[], changed: () => Promise<void>): Promise<LentRoutes> {
  const open = new Map(wire.routes().map((route) => [route.name, route]));
  for (const route of wanted) mustAgree(route, open.get(route.name));
  const missing = wanted.filter(({ name }) => !open.has(name));
  const opened = missing.length === 0 ? [] : await wire.open(missing);
  await changed();
  const byName = new Map([...open.values(), ...opened].map((route) => [route.name, route]));
  return {
    routes: wanted.flatMap(({ name }) => byName.get(name) ?? []),
    [Symbol.asyncDispose]: async () => {
      if (opened.length === 0) return;
      await wire.close(opened.map(({ name }) => name));
      await changed();
    },
  };
}

function mustAgree(route: Route, open: Route | undefined): void {
  if (open === undefined || (open.upstream === route.upstream && open.protocol === route.protocol)) return;
  throw new FirebreakError('route-differs', `The route ${route.name} is open already, to ${open.upstream} instead of ${route.upstream}.`, {
    exitCode: EXIT.usage,
    hint: 'Close it, or give the route in the file another name.',
  });
}
