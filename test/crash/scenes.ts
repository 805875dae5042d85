import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { groupFolder, isOwnGroup, usableFreezer } from '../../engine/host/control-groups.ts';
import { CPU_ROLE } from '../../engine/host/cpu.ts';
import { findHeld } from '../../engine/host/held.ts';
import { RAM_ROLE } from '../../engine/host/memory-facts.ts';
import { startFleet } from '../../engine/faults/process/test-fleet.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { type Journal } from '../../engine/store/journal.ts';
import { freePort } from '../lab/server.ts';

/** What one fault acts on, and how to see from outside whether anything of it is left. */
export interface Scene extends AsyncDisposable {
  /** The Firebreak file. */
  readonly text: string;
  /** What the engine finds in its environment besides. */
  readonly env?: Readonly<Record<string, string>>;
  /** The user of an engine that leaves it to a helper; default: the user of the test. */
  readonly user?: number;
  /** What it does is over at once, so that nothing of it can be seen to be there. */
  readonly passing?: boolean;
  /** Notes what the fault will be known by, while the engine still stands. */
  note(journal: Journal): void;
  /** Whether the fault can be seen in the world. */
  visible(): Promise<boolean>;
  /** Whether all is as before: not merely that the fault is gone, but that what it hit works. */
  intact(): Promise<boolean>;
}

/** A service behind a route, every answer of which becomes a 503. The test is its only client. */
export async function httpScene(): Promise<Scene> {
  const service = createServer((_request, response) => response.end('from the service'));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const { port: upstream } = service.address() as AddressInfo;
  const port = await freePort();
  const get = (): Promise<{ status: number; body: string }> =>
    new Promise((resolve) => {
      const call = request({ host: '127.0.0.1', port, path: '/charge', agent: false }, (response) => {
        let body = '';
        response
          .setEncoding('utf8')
          .on('data', (text: string) => (body += text))
          .on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      });
      call.on('error', () => resolve({ status: 0, body: '' })).end();
    });
  // Steady traffic, without which no wire fault can bite.
  const traffic = setInterval(() => void get(), 50);
  return {
    text: `version: 1
routes:
  - { name: payments, protocol: http, listen: "127.0.0.1:${port}", upstream: "127.0.0.1:${upstream}" }
policies:
  - { name: outage, type: http, target: /charge*, error_chance: 1, error_code: 503, error_body: injected }`,
    note: () => {},
    visible: async () => (await get()).status === 503,
    intact: async () => (await get()).body === 'from the service',
    [Symbol.asyncDispose]: async () => {
      clearInterval(traffic);
      service.closeAllConnections();
      await new Promise((resolve) => service.close(resolve));
    },
  };
}

/** Why processes cannot be frozen here, or false. */
export function noFreezer(): string | false {
  const tree = usableFreezer('crash-tests');
  return 'refusal' in tree ? tree.refusal : false;
}

/** Three idle processes, of which one is frozen in a control group. */
export async function frozenScene(): Promise<Scene> {
  const tree = usableFreezer('crash-tests');
  assert.ok(!('refusal' in tree));
  const fleet = await startFleet(3);
  const groups = (): (string | undefined)[] => fleet.pids.map((pid) => groupFolder(tree, pid));
  const before = groups();
  let folder = '';
  return {
    text: `version: 1
policies:
  - { name: freeze, type: process, target: "cmd:${fleet.word}", action: freeze, percentage: 50 }`,
    note: () => {},
    visible: async () => {
      folder = groups().find((path) => path !== undefined && isOwnGroup(path)) ?? folder;
      return folder !== '' && existsSync(folder);
    },
    intact: async () => isDeepStrictEqual(groups(), before) && (folder === '' || !existsSync(folder)),
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

/** Idle processes, of which some are stopped. */
export async function processScene(fields = 'percentage: 50'): Promise<Scene> {
  const fleet = await startFleet(3);
  const states = (): string[] => fleet.pids.map((pid) => fleet.state(pid));
  return {
    text: `version: 1
policies:
  - { name: freeze, type: process, target: "cmd:${fleet.word}", action: stop, ${fields} }`,
    note: () => {},
    visible: async () => states().includes('T'),
    intact: async () => states().length === 3 && states().every((state) => state === 'S' || state === 'R'),
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

/** How long the supervisor of a scene takes to bring a process back, in milliseconds: long enough to be seen, and shorter than a revert may take. */
const BROUGHT_BACK = 4_000;

/** Three idle processes, of which one is ended; Firebreak cannot bring it back, but its supervisor does. */
export async function endedScene(action: 'kill' | 'terminate'): Promise<Scene> {
  const fleet = await startFleet(3, true, BROUGHT_BACK);
  return {
    text: `version: 1
policies:
  - { name: gone, type: process, target: "cmd:${fleet.word}", action: ${action}, percentage: 50 }`,
    note: () => {},
    visible: async () => fleet.pids.length < 3,
    intact: async () => fleet.pids.length === 3 && fleet.pids.every((pid) => ['S', 'R'].includes(fleet.state(pid))),
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

/** Load and memory, held by processes that carry the fault's own mark. */
export async function resourceScene(fields = 'cpu_cores: 1, cpu_load: 0.3, ram_mb: 64, latency_duration: 60s', holders = 2): Promise<Scene> {
  let token = '';
  const held = (): number => (token === '' ? 0 : findHeld(CPU_ROLE, token).length + findHeld(RAM_ROLE, token).length);
  return {
    text: `version: 1
policies:
  - { name: burn, type: resource, target: host, ${fields} }`,
    note: (journal) => {
      const undo = journal.open()[0]?.undo;
      if (typeof undo === 'object' && undo !== null && 'token' in undo) token = String(undo.token);
    },
    visible: async () => held() === holders,
    intact: async () => held() === 0,
    [Symbol.asyncDispose]: async () => assert.equal(held(), 0, 'no load outlives the test'),
  };
}

/** The caches of this machine's disks, which fill again by themselves. What was just written, and is in no other place yet, is not lost. */
export async function cachesScene(): Promise<Scene> {
  const dir = temporary();
  const file = join(dir.path, 'written');
  const content = randomBytes(65_536);
  writeFileSync(file, content);
  return {
    text: `version: 1
policies:
  - { name: cold, type: resource, target: host, drop_caches: true, allow_host: true }`,
    passing: true,
    note: () => {},
    visible: async () => false,
    intact: async () => readFileSync(file).equals(content),
    [Symbol.asyncDispose]: async () => dir[Symbol.dispose](),
  };
}
