import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { SERVERS, type TestServer } from '../engine/faults/database/test-servers.ts';
import { noDisk, noFileStrikes, testDisk } from '../engine/faults/disk/test-disk.ts';
import { noWriter, startWriter } from '../engine/faults/disk/test-writer.ts';
import { makeWorld, noWorld } from '../engine/faults/network/test-world.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { inspect, restart } from '../engine/host/containers.ts';
import { type DockerLab, noDocker, startDocker } from './lab/docker.ts';
import { type Wanted } from './bad-targets-life.ts';
import { noShortWrites } from './crash/file-scenes.ts';
import { eventually } from './crash/harness.ts';
import { shared } from './crash/shared.ts';

/** Targets that are no processes, and what may become of them. */
export interface Place extends AsyncDisposable {
  readonly wanted: Wanted;
  readonly happens: () => Promise<void>;
  /** The state of whatever has taken the place of the target, or that of the target where the fault must not touch it any more. */
  readonly innocent: () => Promise<unknown>;
  /** Whether nothing is left of the fault wherever the target is now. */
  readonly clean: () => Promise<boolean>;
}
export interface PlaceCase {
  readonly name: string;
  readonly skip: string | false;
  readonly make: () => Promise<Place>;
  /** What is said when it has happened between plan and injection. */
  readonly before: RegExp;
  /** What is said when it has happened meanwhile. */
  readonly during: RegExp;
  /** How a fault ends that it has happened to: what cannot be reached stays open. */
  readonly ends?: 'clean' | 'unconfirmed';
}
const run = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A folder of a small disk. */
async function onDisk(fields: Record<string, unknown>, what: 'moved' | 'replaced' | 'covered' | 'gone'): Promise<Place> {
  const whole = fields['action'] === 'read-only';
  await using stack = new AsyncDisposableStack();
  const disk = stack.use(testDisk());
  const path = whole ? disk.path : join(disk.path, 'data');
  if (!whole) mkdirSync(path);
  const aside = `${path}-aside`;
  const happens = async (): Promise<void> => {
    if (what === 'gone') run('umount', '-l', disk.path);
    else if (what === 'covered') {
      run('mount', '-t', 'tmpfs', 'tmpfs', path);
      moved.defer(() => void run('umount', '-l', path));
    } else {
      renameSync(path, aside);
      if (what === 'replaced') mkdirSync(path);
    }
    if (what === 'covered' || what === 'replaced') writeFileSync(join(path, 'of somebody else'), 'content');
  };
  const moved = stack.move();
  return {
    wanted: { type: 'disk', target: path, fields },
    happens,
    innocent: async () => (what === 'covered' || what === 'replaced' ? [readdirSync(path), run('findmnt', '-no', 'OPTIONS', '--target', path)] : ''),
    clean: async () => what === 'covered' || what === 'gone' || run('find', disk.path, '-name', 'firebreak-*') === '',
    [Symbol.asyncDispose]: async () => {
      if (what === 'gone') run('mount', '-o', 'loop', disk.image, disk.path);
      await moved.disposeAsync();
    },
  };
}

/** The same for what strikes calls on files, by a program that has one of them open and goes on to what has the name of the folder then. */
async function onFiles(action: 'files' | 'short-writes', what: Parameters<typeof onDisk>[1]): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const writer = await startWriter('/dev/null');
  const fields = action === 'files' ? { operation: 'write', error: 'ENOSPC' } : { processes: `pid:${writer.pid}` };
  const place = stack.use(await onDisk({ action, ...fields }, what));
  // Ended before the disk is mounted again.
  stack.use(writer);
  await writer.turnsTo(join(place.wanted.target, 'kept'));
  const moved = stack.move();
  return {
    ...place,
    innocent: async () => {
      if (what !== 'covered' && what !== 'replaced') return '';
      await writer.turnsTo(join(place.wanted.target, 'of somebody else'));
      return writer.writes(1);
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** An interface of a network of its own. */
async function onNetwork(what: 'gone' | 'renamed' | 'replaced' | 'replaced with its network'): Promise<Place> {
  const world = await makeWorld();
  const here = (...args: readonly string[]): string => run('ip', '-n', world.here, ...args);
  const make = (): void => {
    run('ip', 'link', 'add', world.dev, 'netns', world.here, 'type', 'veth', 'peer', 'name', `vx${world.dev.slice(2)}`, 'netns', world.there);
    here('addr', 'add', '10.99.0.1/24', 'dev', world.dev);
    for (const link of ['lo', world.dev]) here('link', 'set', link, 'up');
  };
  const marks = (): string => `${world.run('tc', 'qdisc', 'show')}${world.run('nft', 'list', 'ruleset')}${here('-br', 'link')}`.split('\n').filter((line) => /fb00:|firebreak|ingress/.test(line)).join('\n');
  return {
    wanted: { type: 'network', target: `netns:${world.here}/${world.dev}`, fields: { loss: 0.5, rate: '1mbit', direction: 'both' } },
    happens: async () => {
      if (what === 'renamed') {
        for (const change of [['down'], ['name', 'other'], ['up']]) here('link', 'set', change[0] === 'up' ? 'other' : world.dev, ...change);
        return;
      }
      if (what === 'replaced with its network') {
        run('ip', 'netns', 'del', world.here);
        // Gone for good only then: so that its number is free again.
        await realClock.sleep(300);
        run('ip', 'netns', 'add', world.here);
      } else here('link', 'del', world.dev);
      if (what === 'gone') return;
      make();
      // Rules are bound to names: nobody else may be struck for longer than it takes to see that the interface is another.
      await eventually('whoever has the name is not struck', async () => world.run('nft', 'list', 'ruleset') === '', 5_000);
    },
    innocent: async () => (what.startsWith('replaced') ? [world.run('tc', 'qdisc', 'show', 'dev', world.dev).replace(/ \d+: /g, ' '), world.run('nft', 'list', 'ruleset')] : ''),
    clean: async () => marks() === '',
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

const docker = shared(startDocker);
/** A container, and another by its name. */
async function onContainer(fields: Record<string, unknown>, what: 'removed' | 'restarted' | 'made anew by its name'): Promise<Place> {
  const lab: DockerLab = await docker();
  const name = `bad-${randomBytes(4).toString('hex')}`;
  const start = (): Promise<string> => lab.run(name, { host: { NanoCpus: 1_500_000_000, PidsLimit: 200 } });
  let id = await start();
  const look = async (): Promise<unknown> => {
    const { State, HostConfig, NetworkSettings } = (await inspect(lab.api, id)) ?? {};
    return [State?.Running, State?.Paused, State?.StartedAt, HostConfig?.NanoCpus, HostConfig?.PidsLimit, Object.keys(NetworkSettings?.Networks ?? {})];
  };
  return {
    wanted: { type: 'container', target: `id:${id}`, fields: { socket: lab.socket, ...fields } },
    happens: async () => {
      if (what === 'restarted') return restart(lab.api, id, 0);
      await lab.remove(id);
      if (what === 'made anew by its name') id = await start();
    },
    // What was restarted is still the target of a fault that holds.
    innocent: async () => (what === 'made anew by its name' ? look() : ''),
    clean: async () => what === 'removed' || JSON.stringify((await look() as unknown[]).filter((_, index) => index !== 2)) === JSON.stringify([true, false, 1_500_000_000, 200, ['bridge']]),
    [Symbol.asyncDispose]: async () => lab.remove(id).catch(() => {}),
  };
}

const servers = Object.fromEntries(Object.entries(SERVERS).map(([kind, { start }]) => [kind, [shared(start), shared(start)]] as const));
/** A database behind one address, and another that is found there later. */
async function onDatabase(kind: string, fields: Record<string, unknown>, what: 'gone' | 'another'): Promise<Place> {
  const [one, other] = (await Promise.all((servers[kind] ?? []).map((start) => start()))) as [TestServer, TestServer];
  let upstream: number | undefined = Number(new URL(one.url).port);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const far = upstream === undefined ? undefined : connect(upstream, '127.0.0.1');
    for (const end of [socket, ...(far === undefined ? [] : [far])]) {
      open.add(end);
      end.on('error', () => {}).on('close', () => [socket, far].forEach((both) => both?.destroy()));
    }
    if (far === undefined) socket.destroy();
    else socket.pipe(far).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(one.url);
  url.port = String((server.address() as AddressInfo).port);
  const variable = `FIREBREAK_BAD_URL_${randomBytes(4).toString('hex')}`;
  process.env[variable] = url.href;
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const end of open) end.destroy();
    await closed;
  };
  return {
    wanted: { type: 'database', target: `env:${variable}`, fields },
    happens: async () => {
      if (what === 'gone') return close();
      upstream = Number(new URL(other.url).port);
      for (const end of open) end.destroy();
    },
    innocent: () => other.others(),
    clean: async () => JSON.stringify(await one.others()) === JSON.stringify({ sessions: 0, locks: 0 }),
    [Symbol.asyncDispose]: async () => (server.listening ? close() : undefined),
  };
}

const NOT_STILL = /not the folder any more|not mounted|mounted over/;
const diskCases = (name: string, fields: Record<string, unknown>): PlaceCase[] => [
  { name: `${name}, its folder moved`, skip: noDisk(), make: () => onDisk(fields, 'moved'), before: NOT_STILL, during: NOT_STILL },
  { name: `${name}, another folder in its place`, skip: noDisk(), make: () => onDisk(fields, 'replaced'), before: NOT_STILL, during: NOT_STILL },
];
const coveredCases = (name: string, fields: Record<string, unknown>): PlaceCase[] => [
  { name: `${name}, another disk mounted over it`, skip: noDisk(), make: () => onDisk(fields, 'covered'), before: NOT_STILL, during: /mounted over/, ends: 'unconfirmed' },
  { name: `${name}, its disk unmounted`, skip: noDisk(), make: () => onDisk(fields, 'gone'), before: NOT_STILL, during: /not mounted/, ...(fields['action'] === 'read-only' ? {} : { ends: 'unconfirmed' as const }) },
];
const filesCases = (name: string, action: 'files' | 'short-writes', skip: string | false): readonly PlaceCase[] => {
  const one = (words: string, what: Parameters<typeof onDisk>[1]): PlaceCase => ({ name: `${name}, ${words}`, skip, make: () => onFiles(action, what), before: NOT_STILL, during: NOT_STILL });
  return [one('another folder in its place', 'replaced'), one('another disk mounted over it', 'covered'), one('its folder moved', 'moved'), one('its disk unmounted', 'gone')];
};
const FILL = { action: 'fill', percentage: 60, reserveMB: 1 };
const containerCase = (name: string, fields: Record<string, unknown>, what: Parameters<typeof onContainer>[1], says: RegExp): PlaceCase =>
  ({ name: `container ${name}, ${what}`, skip: noDocker, make: () => onContainer(fields, what), before: says, during: says });
const LIMIT = { action: 'limit', cpus: 0.5, pids: 50 };

export const PLACES: readonly PlaceCase[] = [
  ...diskCases('disk filled', FILL), ...coveredCases('disk filled', FILL),
  ...diskCases('disk without inodes', { action: 'inodes', percentage: 20 }).slice(1),
  ...coveredCases('disk read-only', { action: 'read-only' }),
  ...filesCases('files struck', 'files', noFileStrikes() || noWriter()), ...filesCases('writes cut short', 'short-writes', noShortWrites()).slice(0, 2),
  { name: 'interface gone', skip: noWorld(), make: () => onNetwork('gone'), before: /not there any more/, during: /gone/ },
  { name: 'interface renamed', skip: noWorld(), make: () => onNetwork('renamed'), before: /is called other now/, during: /./ },
  { name: 'interface replaced', skip: noWorld(), make: () => onNetwork('replaced'), before: /another has its name/, during: /gone/ },
  { name: 'interface replaced with its network', skip: noWorld(), make: () => onNetwork('replaced with its network'), before: /another has its name/, during: /gone/ },
  containerCase('stopped', { action: 'stop', grace: '0s' }, 'removed', /is gone/),
  containerCase('paused', { action: 'pause' }, 'made anew by its name', /is gone/), containerCase('limited', LIMIT, 'made anew by its name', /is gone/),
  containerCase('disconnected', { action: 'disconnect' }, 'made anew by its name', /is gone/),
  containerCase('paused', { action: 'pause' }, 'restarted', /was restarted/), containerCase('limited', LIMIT, 'restarted', /was restarted/),
  ...Object.entries(SERVERS).flatMap(([kind, { skip }]): PlaceCase[] => [
    { name: `${kind} locked, ended`, skip, make: () => onDatabase(kind, { action: 'table_lock', table: 'orders' }, 'gone'), before: /ECONNREFUSED/, during: /lost|have ended/ },
    { name: `${kind} locked, another at its address`, skip, make: () => onDatabase(kind, { action: 'table_lock', table: 'orders' }, 'another'), before: /another has its address/, during: /lost|have ended/ },
  ]),
];
