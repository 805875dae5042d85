import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { DockerApi } from '../../engine/host/docker.ts';
import { listContainers } from '../../engine/host/containers.ts';
import { type LabServer, missing, startServer } from './server.ts';

/** A Docker engine of its own: in a network and a mount namespace that end with it, so that the machine's stay as they are. */
export interface DockerLab extends AsyncDisposable {
  readonly socket: string;
  readonly api: DockerApi;
  /** Creates and starts a container of the lab's image. @returns its id. */
  run(name: string, options?: ContainerOptions): Promise<string>;
  remove(id: string): Promise<void>;
}
export interface ContainerOptions {
  readonly command?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** As the Docker API takes it. */
  readonly host?: Readonly<Record<string, unknown>>;
  readonly networking?: Readonly<Record<string, unknown>>;
}

const BUSYBOX = '/bin/busybox';
const IMAGE = 'firebreak-lab:1';
const TOOLS = ['sh', 'sleep', 'cat', 'date', 'dd', 'kill', 'nc', 'wget', 'httpd'];

/** For `skip` of a test: why no Docker engine can be started here, or false. */
export const noDocker: string | false =
  process.geteuid?.() !== 0
    ? 'a Docker engine can only be started by root'
    : existsSync(BUSYBOX)
      ? missing('dockerd', 'containerd', 'runc', 'iptables', 'unshare', 'ip', 'tar', 'ps')
      : 'busybox-static is not installed on this machine';

/** Starts the engine and loads an image made of busybox. About a second. */
export async function startDocker(): Promise<DockerLab> {
  let socket = '';
  await using stack = new AsyncDisposableStack();
  const server: LabServer = stack.use(
    await startServer({
      title: 'Docker',
      needs: ['dockerd', 'unshare', 'ip'],
      files: ({ folder }) => {
        socket = join(folder, 's');
        return { 'daemon.json': '{}' };
      },
      command: ({ folder }) => [
        'unshare',
        '--net',
        '--mount',
        'sh',
        '-c',
        'ip link set lo up && exec dockerd "$@"',
        'sh',
        `--config-file=${join(folder, 'daemon.json')}`,
        `--data-root=${join(folder, 'd')}`,
        `--exec-root=${join(folder, 'e')}`,
        `--pidfile=${join(folder, 'pid')}`,
        `--host=unix://${socket}`,
        '--shutdown-timeout=3',
      ],
      ready: async () => (await new DockerApi(socket).about()).version !== '',
    }),
  );
  const api = new DockerApi(socket);
  const call = async (path: string, method: 'POST' | 'DELETE', more: object = {}): Promise<string> =>
    ((await api.ask(path, z.object({ Id: z.string() }).or(z.unknown()), { method, ...more })) as { Id?: string } | null)
      ?.Id ?? '';
  await call('/images/create', 'POST', {
    query: { fromSrc: '-', repo: IMAGE.split(':')[0], tag: '1' },
    raw: await imageOf(server.folder),
  });
  const remove = async (id: string): Promise<void> => {
    await call(`/containers/${id}`, 'DELETE', { query: { force: 'true', v: 'true' } });
  };
  stack.defer(async () => {
    for (const { id } of await listContainers(api)) await remove(id);
  });
  const all = stack.move();
  return {
    socket,
    api,
    remove,
    run: async (name, { command = ['sleep', '3600'], labels = {}, host = {}, networking = {} } = {}) => {
      const body = {
        Image: IMAGE,
        Cmd: command,
        Labels: labels,
        StopTimeout: 1,
        HostConfig: host,
        NetworkingConfig: networking,
      };
      const id = await call('/containers/create', 'POST', { query: { name }, body });
      await call(`/containers/${id}/start`, 'POST');
      return id;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** A root file system as a tar: busybox under the names of its tools. */
async function imageOf(folder: string): Promise<Buffer> {
  const sh = promisify(execFile);
  const root = join(folder, 'image');
  const links = TOOLS.map((tool) => `ln -s busybox "$1/bin/${tool}"`).join(' && ');
  await sh('sh', [
    '-c',
    `mkdir -p "$1/bin" "$1/proc" "$1/tmp" "$1/etc" && cp ${BUSYBOX} "$1/bin/" && ${links} && tar -C "$1" -cf "$1.tar" .`,
    'sh',
    root,
  ]);
  return readFile(`${root}.tar`);
}
