import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { MYSQLS, SERVERS } from '../../engine/faults/database/test-servers.ts';
import { noDisk, testDisk } from '../../engine/faults/disk/test-disk.ts';
import { noStage, startStage } from '../../engine/faults/dns/test-stage.ts';
import { startApp } from '../../engine/faults/kernel/test-app.ts';
import { startFleet } from '../../engine/faults/process/test-fleet.ts';
import { noFaketime, startClocked } from '../../engine/faults/time/test-clocked.ts';
import { markOf } from '../../engine/host/spawn.ts';
import { noDocker, startDocker } from '../lab/docker.ts';
import { missing } from '../lab/server.ts';
import { again, type Case, type Stage } from './case.ts';
import { FILE_CASES } from './file-cases.ts';
import { NETWORK_CASES } from './network-cases.ts';
import { WIRE_CASES } from './wire-cases.ts';

const notRoot = process.geteuid?.() !== 0 && 'it needs root';
const one = (policy: string, resource: AsyncDisposable = { [Symbol.asyncDispose]: async () => {} }): Stage => ({ policy, [Symbol.asyncDispose]: () => resource[Symbol.asyncDispose]() });

/** A program that goes on doing one thing. */
async function withApp(policy: (word: string, port: number) => string, what: (port: number) => string): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const server = createTcpServer((socket) => socket.on('error', () => {}).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const app = stack.use(await startApp());
  let over = false;
  const loop = (async () => {
    while (!over) await app.does(what(port));
  })();
  stack.defer(async () => {
    over = true;
    await loop;
  });
  return one(policy(app.word, port), stack.move());
}
/** Writes past the cache, as databases do. */
async function writing(policy: (disk: string, pid: number) => string): Promise<Stage> {
  const disk = testDisk(32, 'noatime');
  const script = `while :; do dd if=/dev/zero of=${disk.path}/a bs=64k count=64 oflag=direct; done`;
  const child = spawn('sh', ['-c', script, 'sh', markOf('disk', '', true)], { stdio: 'ignore', detached: true });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  return one(policy(disk.path, pid), {
    [Symbol.asyncDispose]: async () => {
      process.kill(-pid, 'SIGKILL');
      await once(child, 'exit');
      disk[Symbol.dispose]();
    },
  });
}
async function filled(policy: (disk: string) => string): Promise<Stage> {
  const disk = testDisk();
  writeFileSync(join(disk.path, 'there'), 'before');
  return one(policy(disk.path), { [Symbol.asyncDispose]: async () => disk[Symbol.dispose]() });
}

async function lostNames(policy: string): Promise<Stage> {
  const stage = await startStage();
  const app = await stage.app('-app');
  const asking = again(() => app.evaluate("load('node:dns/promises').then((dns) => dns.lookup('shop.test', 4))"));
  return one(`type: dns, target: "cmd:${stage.word}", names: "*.test", ${policy}`, {
    [Symbol.asyncDispose]: async () => {
      await asking[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
      await stage[Symbol.asyncDispose]();
    },
  });
}
async function contained(policy: string): Promise<Stage> {
  const lab = await startDocker();
  for (const name of ['web-1', 'web-2', 'web-3']) await lab.run(name);
  return one(`type: container, target: "name:web-*", socket: "${lab.socket}", ${policy}`, lab);
}
const DATABASES = { ...SERVERS, ...MYSQLS };
const DATABASE_URL = 'FIREBREAK_DELIVERED_URL';
async function inDatabase(kind: string, policy: string): Promise<Stage> {
  const server = await DATABASES[kind]?.start();
  if (server === undefined) throw new Error(`no ${kind}`);
  process.env[DATABASE_URL] = server.url;
  return one(`type: database, target: "env:${DATABASE_URL}", ${policy}`, server);
}

export const CASES: readonly Case[] = [
  ...WIRE_CASES,
  { name: 'resource: one core at 60 %', stage: async () => one('type: resource, target: host, cpu_cores: 1, cpu_load: 0.6') },
  { name: 'resource: 128 MB held', stage: async () => one('type: resource, target: host, ram_mb: 128') },
  { name: 'process: two of three stopped', stage: async () => { const fleet = await startFleet(3); return one(`type: process, target: "cmd:${fleet.word}", percentage: 67`, fleet); } },
  { name: 'process: one of three frozen', skip: notRoot, stage: async () => { const fleet = await startFleet(3); return one(`type: process, target: "cmd:${fleet.word}", action: freeze`, fleet); } },
  { name: 'kernel: connections refused, 30 %', skip: notRoot, stage: () => withApp((word, port) => `type: kernel, target: "cmd:${word}", action: connect, port: ${port}, probability: 0.3`, (port) => `connect ${port} 20`) },
  { name: 'kernel: every 4th read fails', skip: notRoot || missing('strace'), stage: () => withApp((word) => `type: kernel, target: "cmd:${word}", action: call, calls: read, path: /dev/null, every_nth: 4`, () => 'read /dev/null 20') },
  ...NETWORK_CASES,
  { name: 'disk: filled to 80 %', skip: noDisk(), stage: () => filled((disk) => `type: disk, target: ${disk}, action: fill, percentage: 80, reserve_mb: 1`) },
  { name: 'disk: writing at 2000 KB/s', skip: noDisk(), stage: () => writing((disk, pid) => `type: disk, target: ${disk}, action: limit, processes: "pid:${pid}", write_rate: 2000`) },
  ...FILE_CASES,
  { name: 'time: two days ahead', skip: noFaketime, stage: async () => { const clocked = await startClocked(); return one(`type: time, target: "pid:${clocked.pid}", offset: 48h`, clocked); } },
  { name: 'dns: half of the look-ups fail', skip: noStage, stage: () => lostNames('action: nxdomain, chance: 0.5') },
  { name: 'dns: answers 200 ms late', skip: noStage, stage: () => lostNames('action: delay, delay: 200ms') },
  { name: 'container: two of three paused', skip: noDocker, stage: () => contained('action: pause, percentage: 67') },
  { name: 'container: limits', skip: noDocker, stage: () => contained('action: limit, cpus: 0.25, memory_mb: 64, pids: 40') },
  ...Object.entries(DATABASES).flatMap(([kind, { skip }]) => [
    { name: `database: connections of ${kind}, 3 left`, skip, stage: () => inDatabase(kind, 'action: connections, reserve: 3') },
    { name: `database: rows of ${kind} locked`, skip, stage: () => inDatabase(kind, 'action: row_lock, table: orders, where: "id <= 100"') },
  ]),
];
