import { type Protocol } from '../../../engine/contract/models.ts';
import { FAULT_TYPES, policyFields } from '../../forms/catalogue.ts';
import { length } from '../../forms/document.ts';
import { insertItem, put } from '../../forms/edit.ts';
import { freeName, routeNames } from '../../forms/locate.ts';
import { type Plain, Raw } from '../../forms/scalar.ts';
import { useConnection } from '../../stores/connection.ts';
import { useBench, write } from './bench.ts';

/** New parts of a file, with values that are valid and do little until they are changed. */

const openRoutes = () => useConnection.getState().status?.routes ?? [];

/** A policy beside the others: no effect until its first figure is set. */
export function addPolicy(): void {
  write(
    'add',
    (source) => {
      const name = freeName(source, ['policies'], 'new-policy');
      const route = routeNames(source).find((one) => one !== '') ?? openRoutes()[0]?.name;
      const type = openRoutes().find((one) => one.name === route)?.protocol ?? FAULT_TYPES[0] ?? '';
      const target = policyFields(type).find((field) => field.name === 'target')?.example ?? '';
      const policy: Plain = { name, type, ...(route !== undefined && { route }), target };
      return insertItem(source, ['policies'], length(source, ['policies']), policy);
    },
    { select: (source) => ['policies', length(source, ['policies']) - 1], alone: true },
  );
  ensureVersion();
}

export function addRoute(): void {
  write(
    'add',
    (source) => {
      const protocol: Protocol = 'http';
      const taken = openRoutes().filter(({ name }) => !routeNames(source).includes(name));
      const [open] = taken;
      const route = open ?? {
        name: freeName(source, ['routes'], 'service'),
        protocol,
        listen: '127.0.0.1:0',
        upstream: '127.0.0.1:8080',
      };
      const { name, listen, upstream } = route;
      return insertItem(source, ['routes'], length(source, ['routes']), {
        name,
        protocol: route.protocol,
        listen,
        upstream,
      });
    },
    { select: (source) => ['routes', length(source, ['routes']) - 1], alone: true },
  );
  ensureVersion();
}

const check = (source: Parameters<typeof routeNames>[0]): Plain => {
  const route = routeNames(source).find((one) => one !== '') ?? openRoutes()[0]?.name;
  return {
    name: freeName(source, ['experiment', 'steadyState'], 'front-page'),
    probe: { type: 'http', url: route === undefined ? 'http://127.0.0.1:8080/' : `route://${route}/` },
    expect: 'success_rate >= 0.95',
  };
};

export function addExperiment(): void {
  write(
    'add',
    (source) =>
      put(source, ['experiment'], {
        hypothesis: 'The service keeps 95 % success under this fault.',
        blast_radius: new Raw('1'),
        duration: new Raw('1m'),
        steady_state: [check(source)],
        abort: { when: 'success_rate < 0.9', for: new Raw('3s') },
      }),
    { select: () => ['experiment'], alone: true },
  );
  ensureVersion();
}
export function addCheck(): void {
  write(
    'add',
    (source) =>
      insertItem(source, ['experiment', 'steadyState'], length(source, ['experiment', 'steadyState']), check(source)),
    {
      select: (source) => ['experiment', 'steadyState', length(source, ['experiment', 'steadyState']) - 1],
      alone: true,
    },
  );
}

/** A file that begins with its first part gets its version too. */
function ensureVersion(): void {
  if (useBench.getState().source.root?.items.length === 1)
    write('version', (source) => put(source, ['version'], new Raw('1')));
}
/** A new file: the version and nothing else. */
export const EMPTY_FILE = '# What does this file do, and what is to be learned from it?\nversion: 1\nname: untitled\n';
