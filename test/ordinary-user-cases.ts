import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { noDisk, testDisk } from '../engine/faults/disk/test-disk.ts';
import { noStage, SHOP, startStage } from '../engine/faults/dns/test-stage.ts';
import { startApp } from '../engine/faults/kernel/test-app.ts';
import { noFaketime } from '../engine/faults/time/test-clocked.ts';
import { faketimeLibrary } from '../engine/host/clock-facts.ts';
import { readProcess } from '../engine/host/processes.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { type Idler, startIdler } from './bad-targets-processes.ts';
import { SCENES, SKIP } from './crash/all-scenes.ts';
import { DATABASE_WAYS, type DatabaseKind, databaseScene, noDatabase } from './crash/database-scenes.ts';
import { noLateLink } from './crash/network-scenes.ts';
import { type Evaluator } from './support/evaluator.ts';
import { type Scene } from './crash/scenes.ts';
import { packetsInEveryWay } from './ordinary-user-network.ts';

/** A user whom nothing on the machine belongs to. */
export const USER = 65_534;
export const AS_USER = ['setpriv', '--reuid', String(USER), '--regid', String(USER), '--clear-groups'] as const;

/** Faults that can be held at the same time, so that the waiting is for all of them. */
export interface Case {
  readonly name: string;
  readonly skip: string | false;
  /** Whether they need root, so that the helper has to do them. */
  readonly helped: boolean;
  /** Whether they can be seen from outside for as long as they are held. */
  readonly seen: boolean;
  readonly scene: () => Promise<Scene>;
}

const fileOf = (policies: readonly string[]): string => `version: 1\npolicies:\n${policies.map((fields, index) => `  - { name: p${index}, ${fields} }`).join('\n')}`;
const sceneOf = (stack: AsyncDisposable, fields: string, visible: Scene['visible'], intact: Scene['intact']): Scene => ({
  text: fileOf([fields]), note: () => {}, visible, intact, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
});

/** Two processes of the user, each started again when it ends. */
async function ownProcesses(fields: string): Promise<Scene> {
  const word = `own-${randomBytes(6).toString('hex')}`;
  const grounds = { word, folder: tmpdir() };
  const now = new Map<number, Idler>();
  let over = false;
  const keep = async (place: number): Promise<void> => {
    const idler = await startIdler(grounds, { through: AS_USER });
    now.set(place, idler);
    void idler.gone.then(() => (over ? undefined : keep(place)));
  };
  await Promise.all([keep(0), keep(1)]);
  const first = [...now.values()].map(({ pid }) => pid);
  const states = (): (string | undefined)[] => [...now.values()].map(({ pid }) => readProcess(pid)?.state);
  const stack = new AsyncDisposableStack();
  stack.defer(async () => {
    over = true;
    for (const idler of now.values()) await idler.kill();
  });
  const changed = (): boolean => states().includes('T') || [...now.values()].some(({ pid }) => !first.includes(pid));
  return sceneOf(stack, `type: process, target: "cmd:${word}", ${fields}`, async () => changed(), async () => states().every((state) => state === 'S'));
}

/** The clock of a process of the user, by a file in a folder of theirs. */
async function ownClock(fields: string): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'own-clock-'));
  chownSync(folder, USER, USER);
  const [word, file] = [`own-${randomBytes(6).toString('hex')}`, join(folder, 'clock')];
  // Only from here on: what libfaketime keeps of a process of root, the same process as another user could not use.
  const env = ['env', `LD_PRELOAD=${faketimeLibrary() ?? ''}`, `FAKETIME_TIMESTAMP_FILE=${file}`, 'FAKETIME_NO_CACHE=1', 'FAKETIME_DONT_FAKE_MONOTONIC=1'];
  const stack = new AsyncDisposableStack();
  stack.defer(async () => rmSync(folder, { recursive: true }));
  stack.use(await startIdler({ word, folder }, { through: [...AS_USER, ...env] }));
  return sceneOf(stack, `type: time, target: "cmd:${word}", ${fields}`, async () => existsSync(file) && statSync(file).uid === USER, async () => readdirSync(folder).length === 0);
}

/** A disk of whoever it is, filled: what takes its room belongs to who has done it. */
async function ownDisk(fields: string, owner: number): Promise<Scene> {
  const disk = testDisk();
  chownSync(disk.path, owner, owner);
  chmodSync(disk.folder, 0o711);
  const stack = new AsyncDisposableStack();
  stack.use(disk);
  const before = readdirSync(disk.path).join();
  const made = (): string[] => readdirSync(disk.path).filter((name) => name.startsWith('firebreak-'));
  const visible = async (): Promise<boolean> => made().length === 1 && statSync(join(disk.path, made()[0] ?? '')).uid === owner;
  return sceneOf(stack, `type: disk, target: ${disk.path}, ${fields}`, visible, async () => readdirSync(disk.path).join() === before);
}

/** A program that goes on connecting, whose packets are dropped. */
async function lostPackets(): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const server = createServer((socket) => socket.on('error', () => {}).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(async () => void server.close());
  const { port } = server.address() as AddressInfo;
  const app = stack.use(await startApp());
  let [said, over] = ['', false];
  const loop = (async () => {
    for (; !over; await realClock.sleep(20)) [said = ''] = await app.does(`connect ${port}`);
  })();
  stack.defer(async () => {
    over = true;
    await loop;
  });
  return sceneOf(stack, `type: kernel, target: "cmd:${app.word}", action: packet, direction: egress, port: ${port}`, async () => said !== 'ok', async () => said === 'ok');
}

/** A network whose names are lost in every way but one. */
async function lostNames(): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  const network = stack.use(await startStage());
  // A program for each name, and one for those that are not lost: it does one thing after the other, and waits seconds for what is dropped.
  const [app, ...others] = await Promise.all(['', 'a', 'b', 'c', 'd'].map(async () => stack.use(await network.app('-app')))) as [Evaluator, ...Evaluator[]];
  const ask = (name: string, by = app): Promise<string> => by.evaluate(`load('node:dns/promises').then((dns) => dns.lookup('${name}.test', 4)).then(({ address }) => address)`);
  /** When each has asked, and what it was told last, and after how many milliseconds. */
  const asked = others.map(() => ({ since: 0, told: '', took: 0 }));
  const askOnce = (name: string, by: Evaluator, one = asked[others.indexOf(by)]): void => {
    if (one === undefined || one.since > 0) return;
    one.since = performance.now();
    void ask(name, by).then((told) => Object.assign(one, { told, took: performance.now() - one.since, since: 0 }));
  };
  const asking = setInterval(() => others.forEach((one, index) => askOnce('abcd'.charAt(index), one)), 200);
  stack.defer(async () => clearInterval(asking));
  const ways = ['servfail', 'wrong-address, ipv4: 192.0.2.1', 'delay, delay: 100ms', 'drop'].map((way, index) => `type: dns, target: "cmd:${network.word}", names: "${'abcd'[index]}.test", action: ${way}`);
  const ruled = async (): Promise<boolean> => (await network.run('nft', 'list', 'ruleset')) !== '';
  const visible = async (): Promise<boolean> => {
    const [failing, wrong, late, dropped] = asked;
    const silent = dropped !== undefined && dropped.since > 0 && performance.now() - dropped.since > 1_000;
    return failing?.told === 'failed: EAI_AGAIN' && wrong?.told === '192.0.2.1' && (late?.took ?? 0) >= 100 && silent;
  };
  return { ...sceneOf(stack, '', visible, async () => !(await ruled()) && (await ask('shop')) === SHOP.v4), text: fileOf(ways) };
}

/** Several as one: all of them in one file. */
async function together(makers: readonly Case['scene'][]): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const scenes = await Promise.all(makers.map(async (make) => stack.use(await make())));
  // The socket of a container engine can be seen, as in /var/run, though not be used.
  for (const { text } of scenes) for (const [, socket = ''] of text.matchAll(/socket: "([^"]+)"/g)) chmodSync(dirname(socket), 0o711);
  const all = async (look: (scene: Scene) => Promise<boolean>): Promise<boolean> => (await Promise.all(scenes.filter((scene) => scene.passing !== true || look !== seen).map(look))).every(Boolean);
  const seen = (scene: Scene): Promise<boolean> => scene.visible();
  const moved = stack.move();
  return {
    text: fileOf(scenes.flatMap(({ text }) => [...text.matchAll(/- \{ name: [\w-]+, (.*) \}/g)].map(([, fields = '']) => fields))),
    env: Object.assign({}, ...scenes.map(({ env = {} }) => env)) as Record<string, string>,
    note: () => {},
    visible: () => all(seen),
    intact: () => all((scene) => scene.intact()),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

const known = (name: string): (() => Promise<Scene>) => SCENES[name] ?? (() => Promise.reject(new Error(`there is no scene ${name}`)));
const group = (helped: boolean, name: string, scenes: readonly (string | Case['scene'])[], skip: string | false = false, seen = true): Case => ({
  name, helped, seen,
  skip: skip || scenes.map((one) => (typeof one === 'string' ? SKIP[one] : false)).find((why) => why) || false,
  scene: () => together(scenes.map((one) => (typeof one === 'string' ? known(one) : one))),
});
const databases = (...kinds: readonly DatabaseKind[]): readonly Case[] =>
  Object.entries(DATABASE_WAYS).map(([way, fields]) =>
    group(false, `${way} ${kinds.join(' and ')}`, kinds.map((kind) => () => databaseScene(kind, fields)), kinds.map(noDatabase).find((why) => why !== false) ?? false));
const CONTAINERS = ['paused', 'limited', 'stopped', 'killed', 'restarted', 'disconnected', 'stressed'].map((state) => `${state} container`);

export const CASES: readonly Case[] = [
  group(false, 'processes stopped, killed and terminated', [() => ownProcesses('percentage: 50'), () => ownProcesses('percentage: 50, action: kill'), () => ownProcesses('percentage: 50, action: terminate')]),
  // Its scene knows it by the journal of an engine of this user.
  group(false, 'processor and memory loaded, all the time, in spikes and as a leak', ['resource', 'memory in spikes', 'leaking memory'], false, false),
  group(false, 'clocks set off, drifting and jumping', [() => ownClock('offset: 1h'), () => ownClock('action: drift, drift: 200ms'), () => ownClock('action: jump, offset: 1h, interval: 5s')], noFaketime),
  group(false, 'disks filled and left without inodes', [() => ownDisk('percentage: 90, reserve_mb: 1', USER), () => ownDisk('action: inodes, percentage: 50', USER)], noDisk()),
  ...databases('PostgreSQL', 'MariaDB'), ...databases('MySQL 5.7', 'MySQL 8.0'),
  group(true, 'processes frozen and limited', ['frozen process', 'limited process']),
  group(true, 'connections, listening, sockets, calls and packets struck', ['refused connections', 'refused listening', 'no sockets', 'broken reads', lostPackets]),
  group(true, 'the clock of another user', ['clock, by root']),
  group(true, 'disks read-only, slow, and filled by root', ['read-only disk', 'slow disk', () => ownDisk('percentage: 90, reserve_mb: 1, as_root: true', 0)]),
  group(true, 'files that fail, and writes cut short', ['broken files', 'short writes']),
  group(true, 'links that are late, lose packets and are cut', ['late link', 'bad link', 'cut link']),
  group(true, 'packets late, lost, doubled, damaged and cut, by port, protocol, network and direction', [packetsInEveryWay], noLateLink()),
  group(true, 'names not found', ['lost names', 'lost names of a process']),
  group(true, 'names failing, wrong, late and dropped', [lostNames], noStage),
  group(true, 'containers treated in every way', CONTAINERS),
  group(true, 'caches dropped', ['dropped caches'], false, false),
];
/** A folder of the user's. */
export function folderOfUser(path: string): string {
  mkdirSync(path);
  chownSync(path, USER, USER);
  return path;
}
