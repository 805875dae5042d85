import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type OpenShop } from '../../demo/open.ts';
import { demoProbes } from '../../demo/probes.ts';
import { EXIT, FirebreakError, errnoOf, messageOf } from '../../kernel/errors.ts';
import { pathOf } from '../../transport/access.ts';
import { openPage } from '../../transport/page.ts';
import { listenToxiproxy, type ToxiproxyServer } from '../../transport/toxiproxy.ts';
import { type LoopbackServer, listenLoopback, newToken } from '../../transport/websocket.ts';
import { type Cli, type CommandSpec } from '../cli.ts';
import { type RoomAddress, readRoomAddress, writeRoomAddress } from '../room-address.ts';
import { type Session } from '../session.ts';
import { serversOption, startShop } from '../shop.ts';
import { listenAddress, readSource, whole } from '../values.ts';

interface ServeOptions {
  readonly port?: number;
  readonly demo?: true;
  readonly servers?: true;
  readonly newToken?: true;
  readonly toxiproxyApi?: { readonly host: string; readonly port: number };
  readonly toxiproxyConfig?: string;
  readonly toxiproxyAnywhere?: true;
}

export const serve: CommandSpec<ServeOptions> = {
  usage: 'serve',
  summary: 'open the room for a browser on this machine, until Ctrl-C',
  details:
    'Listens on 127.0.0.1 only. The address holds a secret: whoever has it can inject faults. Port and secret are kept in the state directory, so that an open page and a bookmark find the engine again. Prometheus scrapes the metrics address as it is, or with the secret as a bearer token.',
  examples: [
    ['firebreak serve', 'where it was the last time, or on a free port'],
    ['firebreak serve --demo', 'with the demo shop behind it'],
    ['firebreak serve --servers', 'and with every server that is installed, so that the shop speaks their protocols'],
    ['firebreak serve --port 7070', 'on a port of your choice'],
    ['firebreak serve --toxiproxy-api :8474', 'and be driven by the clients of Toxiproxy'],
    ['firebreak serve --new-token', 'and make every older address worthless'],
  ],
  options: (command) =>
    serversOption(
      command
        .option('--port <n>', 'the port; 0 takes a free one (default: the one of the last time)', whole(0, 65_535))
        .option('--demo', 'start the demo shop with steady traffic, and probes that watch it'),
    )
      .option('--new-token', 'make a new secret')
      .option('--toxiproxy-api <host:port>', "speak Toxiproxy's HTTP API there too; without a host on 127.0.0.1. It has no password", listenAddress)
      .option('--toxiproxy-config <file>', 'open the proxies of this Toxiproxy configuration as routes')
      .option('--toxiproxy-anywhere', 'let --toxiproxy-api listen beyond this machine: whoever reaches it can break these connections'),
  act: async (cli, _args, options) => {
    const known = options.newToken === true ? undefined : readRoomAddress(cli.stateDir);
    // Disposed in reverse: the shop outlives the engine, which reverts while the services that it broke are there to be checked.
    await using stack = new AsyncDisposableStack();
    const shop: { demo?: OpenShop } = {};
    stack.defer(async () => shop.demo?.[Symbol.asyncDispose]());
    const session = stack.use(await cli.open());
    const server = stack.use(await listen(session, options.port, known));
    // Another engine that still runs keeps the file: its page and bookmark must find it again, too.
    const elsewhere = known !== undefined && known.port !== server.port;
    const once = elsewhere && isAlive(known.pid);
    if (!once) writeRoomAddress(cli.stateDir, { port: server.port, token: server.token, pid: process.pid });
    const taken = elsewhere && options.port === undefined ? movedFrom(known.port, server.port, once) : '';
    if (options.demo === true || options.servers === true) {
      shop.demo = await startShop(cli, session, options);
      stack.use(await demoProbes(session.client, shop.demo.errands));
    }
    const toxiproxy = await toxiproxyOf(session, options);
    if (toxiproxy !== undefined) stack.use(toxiproxy);
    tell(cli, server, shop.demo, taken, toxiproxy?.address);
    await new Promise<void>((resolve) => cli.interrupt.whenAsked(() => resolve()));
    return EXIT.held;
  },
};

/** Toxiproxy's API, where it is asked for, with the proxies of its configuration. */
async function toxiproxyOf(session: Session, options: ServeOptions): Promise<ToxiproxyServer | undefined> {
  const { toxiproxyApi: at, toxiproxyConfig: config } = options;
  if (at === undefined && config === undefined) return undefined;
  const read = config === undefined ? undefined : await readSource(config);
  const server = await listenToxiproxy(session.client, { ...(at ?? { host: '127.0.0.1', port: 0 }), anywhere: options.toxiproxyAnywhere === true });
  try {
    if (read !== undefined) await server.populate(read.text, read.file);
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** At the remembered address unless another port is wanted; with a new token when the remembered port is not to be had. */
async function listen(session: Session, port: number | undefined, known: RoomAddress | undefined): Promise<LoopbackServer> {
  const options = { room: openPage(), page: metricsPage(session) };
  const open = (wanted: number, token = newToken()): Promise<LoopbackServer> =>
    listenLoopback((client) => void session.serve(client), { ...options, port: wanted, token });
  if (port !== undefined || known === undefined) return open(port ?? 0, known?.token);
  try {
    return await open(known.port, known.token);
  } catch (error) {
    if (!(error instanceof FirebreakError) || error.code !== 'listen-failed') throw error;
    // Whoever listens there may have been given the token by a page that looks for its engine: it is worth nothing now.
    return open(0);
  }
}

const movedFrom = (before: number, now: number, once: boolean): string =>
  `Port ${before} of the last time is taken; using ${now}${once ? ' this once, as the engine there still runs' : ''}.`;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

function tell(cli: Cli, server: LoopbackServer, demo: OpenShop | undefined, note: string, toxiproxy?: string): void {
  const metrics = `http://127.0.0.1:${server.port}/metrics?token=${server.token}`;
  const { places, notes } = demo ?? { places: [], notes: [] };
  const api: [string, string][] = toxiproxy === undefined ? [] : [['toxiproxy', `http://${toxiproxy}`]];
  cli.show({ room: server.roomUrl, url: server.url, metrics, note, demo: places, servers: notes, ...Object.fromEntries(api) }, () => {
    const lines = [['engine', server.url], ['metrics', metrics], ...api, ...places.map(({ name, url }) => [name, url])] as [string, string][];
    const width = Math.max(...lines.map(([name]) => name.length));
    const rest = lines.map(([name, url]) => `${name.padEnd(width)}  ${url}`);
    return [`Firebreak room: ${server.roomUrl}`, ...(note === '' ? [] : [note]), ...rest, ...notes].join('\n');
  });
}

const metricsPage =
  ({ client }: Session) =>
  (request: IncomingMessage, response: ServerResponse): boolean => {
    if (pathOf(request) !== '/metrics') return false;
    client.query('metrics', {}).then(
      (text) => {
        // Content type of the Prometheus text exposition format 0.0.4.
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' });
        response.end(text);
      },
      (error: unknown) => {
        response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
        response.end(`${messageOf(error)}\n`);
      },
    );
    return true;
  };
