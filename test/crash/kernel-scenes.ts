import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { kernelInjector } from '../../engine/faults/kernel/injector.ts';
import { kernelManifest } from '../../engine/faults/kernel/manifest.ts';
import { type App, startApp } from '../../engine/faults/kernel/test-app.ts';
import { tracerOf } from '../../engine/host/call-errors.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { freePort } from '../lab/server.ts';
import { again } from './again.ts';
import { type Scene } from './scenes.ts';

/** Why calls of other processes cannot be struck here, or false. */
export const noKernel = (action: 'connect' | 'bind' | 'socket' | 'packet' | 'call'): string | false =>
  process.geteuid?.() !== 0 ? 'only root may strike calls' : kernelInjector({ clock: realClock }).unavailable(kernelManifest.params.parse({ action })) || false;

/** A program that goes on doing one thing, without which nothing could be struck. */
function busy(app: App, what: string): { said(): string } & AsyncDisposable {
  const doing = again(() => app.does(what));
  return { said: () => doing.said()?.[0] ?? '', [Symbol.asyncDispose]: () => doing[Symbol.asyncDispose]() };
}
const groupsOf = ({ pid }: App): string => readFileSync(`/proc/${pid}/cgroup`, 'utf8');

/** What the program tries, and what it is told. */
const STRUCK = { connect: { does: 'connect', told: 'ECONNREFUSED' }, bind: { does: 'bind', told: 'EADDRINUSE' }, socket: { does: 'connect', told: 'EMFILE' } } as const;

/** One process whose connections fail, or which may not listen, or gets no sockets. */
export async function connectScene(action: keyof typeof STRUCK = 'connect'): Promise<Scene> {
  const { does, told } = STRUCK[action];
  await using stack = new AsyncDisposableStack();
  const server = createServer((socket) => socket.on('error', () => {}).end()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  stack.defer(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const app = stack.use(await startApp());
  const before = groupsOf(app);
  const free = await freePort();
  const at = does === 'bind' ? free : port;
  const doing = stack.use(busy(app, `${does} ${at}`));
  const moved = stack.move();
  return {
    text: `version: 1\npolicies:\n  - { name: refused, type: kernel, target: "cmd:${app.word}", action: ${action}${action === 'socket' ? '' : `, port: ${at}`} }`,
    note: () => {},
    visible: async () => doing.said() === told,
    intact: async () => doing.said() === 'ok' && groupsOf(app) === before,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** One process that cannot read one file. */
export async function callScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(temporary());
  const file = join(dir.path, 'data');
  writeFileSync(file, 'content');
  const app = stack.use(await startApp());
  const doing = stack.use(busy(app, `read ${file}`));
  const moved = stack.move();
  return {
    text: `version: 1\npolicies:\n  - { name: broken, type: kernel, target: "cmd:${app.word}", action: call, calls: read, path: ${file} }`,
    note: () => {},
    visible: async () => doing.said() === 'EIO',
    intact: async () => doing.said() === 'ok' && tracerOf(app.pid) === 0,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
