import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Two network namespaces with a cable between them, made by the test and gone with it. */
export interface World extends AsyncDisposable {
  /** Names of the namespaces. Faults go to `here`, whose interface is `dev`; `there` serves ports 5432 and 9000. */
  readonly here: string;
  readonly there: string;
  readonly dev: string;
  readonly four: string;
  readonly six: string;
  run(program: string, ...args: readonly string[]): string;
  runThere(program: string, ...args: readonly string[]): string;
  /** Runs test-peer in `here`. */
  send(...args: readonly (string | number)[]): Promise<Record<string, number>>;
  /** Sends 400 datagrams a second to a port of `there`, until disposed. */
  flood(port: number): AsyncDisposable;
  /** How long connections to `there` take from `here`, in milliseconds; those that are not there after `within` ms in all are left out. */
  connects(host: string, port: number, count?: number, within?: number): Promise<readonly number[]>;
  /** What `there` has received since it was last asked; `overflow` has arrived, and was not read in time. */
  received(): Promise<Record<'datagrams' | 'unique' | 'late' | 'damaged' | 'overflow' | 'bytes' | 'ms', number>>;
  /** All that tc, ip and nft tell of `here`, without counters. */
  picture(): string;
}

const peer = fileURLToPath(new URL('./test-peer.ts', import.meta.url));
const times = fileURLToPath(new URL('../../host/children/connect-times.ts', import.meta.url));
const run = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Why such a world cannot be made here, or false. */
export function noWorld(): string | false {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return 'network namespaces can only be made by root on Linux';
  try {
    for (const program of ['ip', 'tc', 'nft', 'nsenter']) run(program, '-V');
    return false;
  } catch {
    return 'iproute2, nftables or util-linux is missing';
  }
}

export async function makeWorld(): Promise<World> {
  const id = randomBytes(3).toString('hex');
  const [here, there, dev, other] = [`fb-here-${id}`, `fb-there-${id}`, `va${id}`, `vb${id}`];
  const within = (name: string) => (program: string, ...args: readonly string[]): string => run('nsenter', `--net=/run/netns/${name}`, '--', program, ...args);
  for (const name of [here, there]) run('ip', 'netns', 'add', name);
  run('ip', 'link', 'add', dev, 'netns', here, 'type', 'veth', 'peer', 'name', other, 'netns', there);
  for (const [name, device, end] of [[here, dev, 1], [there, other, 2]] as const) {
    run('ip', '-n', name, 'addr', 'add', `10.99.0.${end}/24`, 'dev', device);
    run('ip', '-n', name, '-6', 'addr', 'add', `fd99::${end}/64`, 'dev', device, 'nodad');
    for (const link of ['lo', device]) run('ip', '-n', name, 'link', 'set', link, 'up');
  }
  const start = (name: string, ...args: readonly string[]) =>
    spawn('nsenter', [`--net=/run/netns/${name}`, '--', process.execPath, '--disable-warning=ExperimentalWarning', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const server = start(there, peer, 'serve', '5432', '9000');
  const gone = new Promise((resolve) => server.once('exit', resolve));
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<never> => JSON.parse(String((await lines.next()).value)) as never;
  await line();
  const output = async (...args: readonly string[]): Promise<string> => {
    const child = start(here, ...args);
    child.stdin.end();
    let text = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) text += String(chunk);
    return text;
  };
  const [four, six] = ['10.99.0.2', 'fd99::2'];
  const connects = async (host: string, port: number, count = 5, within = 1_000): Promise<readonly number[]> =>
    JSON.parse(await output(times, host, String(port), String(count), String(within))) as number[];
  // Neighbours must have been found once: until then the kernel drops what does not fit into a short queue.
  for (const host of [four, six]) while ((await connects(host, 9000, 1)).length === 0);
  return {
    here, there, dev, four, six,
    run: within(here),
    runThere: within(there),
    send: async (...args) => JSON.parse(await output(peer, ...args.map(String))) as Record<string, number>,
    flood: (port) => {
      const child = start(here, peer, 'udp', '10.99.0.2', String(port), '1000000', '50');
      const ended = new Promise((resolve) => child.once('exit', resolve));
      return {
        [Symbol.asyncDispose]: async () => {
          child.kill('SIGKILL');
          await ended;
        },
      };
    },
    connects,
    received: async () => {
      server.stdin.write('\n');
      return line();
    },
    picture: () => [
      within(here)('tc', 'qdisc', 'show'), within(here)('tc', 'class', 'show', 'dev', dev), within(here)('tc', 'filter', 'show', 'dev', dev),
      within(here)('tc', 'filter', 'show', 'dev', dev, 'ingress'), within(here)('nft', '-s', 'list', 'ruleset'), within(here)('ip', '-o', 'link', 'show'),
    ].join('\n').replace(/ direct_packets_stat \d+/g, ''),
    [Symbol.asyncDispose]: async () => {
      server.kill('SIGKILL');
      await gone;
      for (const name of [here, there]) run('ip', 'netns', 'del', name);
    },
  };
}
