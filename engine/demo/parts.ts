import { type Route } from '../contract/models.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type missingServer, type startServer } from '../index.ts';
import { DemoChild } from './child.ts';
import { type ErrandName, errandNames, ERRANDS, type Part } from './errands/errands.ts';

/** Starts real servers, and says why one cannot be started here (host/server-process.ts). */
export interface ServerStarter {
  readonly startServer: typeof startServer;
  readonly missingServer: typeof missingServer;
}

/** What the demo speaks beside HTTP. */
export interface Parts extends AsyncDisposable {
  /** To open: one in front of each server, by the name that experiments use. */
  readonly routes: readonly { readonly errand: ErrandName; readonly route: Route }[];
  /** Processes of the demo that serve a part themselves. */
  readonly children: readonly DemoChild[];
  /** One line each: what was started, and what was left out and why. */
  readonly notes: readonly string[];
}

/**
 * Starts whatever is installed of the servers, all at once; what cannot be started is left out and named. Disposing ends
 * them and removes their files; so do their guards, when this process is killed.
 * @param child makes a process of the demo.
 */
export async function startParts(servers: ServerStarter, child: (name: string) => DemoChild): Promise<Parts> {
  await using stack = new AsyncDisposableStack();
  const children: DemoChild[] = [];
  const started = await Promise.all(
    errandNames.map(async (errand) => {
      const { route, library, servers: candidates, tells }: Part = ERRANDS[errand];
      try {
        if (!isInstalled(library)) throw leftOut(`its client library ${library} is not installed`);
        const [address, what] = candidates.length === 0 ? [await own(route), `${errand} service`] : await real(candidates);
        tell(tells?.(address) ?? {});
        const wanted: Route = { name: route, protocol: errand, listen: '127.0.0.1:0', upstream: address };
        return { errand, route: wanted, note: `${what} started for route ${route}` };
      } catch (error) {
        return { errand, route: undefined, note: `${errand} left out: ${messageOf(error).split('\n')[0]}` };
      }
    }),
  );
  // To this process alone and to what it starts from now on, as the watchdog, which may have to put things back there.
  function tell(variables: Readonly<Record<string, string>>): void {
    Object.assign(process.env, variables);
    stack.defer(() => Object.keys(variables).forEach((name) => delete process.env[name]));
  }
  async function own(name: string): Promise<string> {
    const process = stack.use(child(name));
    process.start();
    await process.listening();
    children.push(process);
    return `127.0.0.1:${process.port}`;
  }
  async function real(candidates: Part['servers']): Promise<[address: string, what: string]> {
    const specs = candidates.map((candidate) => candidate());
    const missing = specs.map((spec) => servers.missingServer(spec));
    const found = specs[missing.indexOf(false)];
    if (found === undefined) throw leftOut(String(missing.at(-1)));
    const server = stack.use(await servers.startServer(found));
    return [server.address, found.title];
  }
  const owned = stack.move();
  return {
    routes: started.flatMap(({ errand, route }) => (route === undefined ? [] : [{ errand, route }])),
    children,
    notes: started.map(({ note }) => note),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const leftOut = (why: string): FirebreakError => new FirebreakError('left-out', why);

/** Client libraries come with a checkout, and not with an installed Firebreak. */
function isInstalled(library: string): boolean {
  try {
    import.meta.resolve(library);
    return true;
  } catch {
    return false;
  }
}
