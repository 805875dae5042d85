import { existsSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { DockerApi } from '../../engine/host/docker.ts';
import { inspect, listContainers } from '../../engine/host/containers.ts';
import { controlTrees, groupFolder } from '../../engine/host/control-groups.ts';
import { identityOf } from '../../engine/host/identity.ts';
import { listProcesses } from '../../engine/host/processes.ts';
import { type ServerSpec } from '../../engine/host/server-process.ts';
import { type LabServer, missing, startServer } from './server.ts';

/** A container engine of its own: in a network and a mount namespace that end with it, so that the machine's stay as they are. */
export interface DockerLab extends AsyncDisposable {
  readonly socket: string;
  readonly api: DockerApi;
  /** Of the engine itself. */
  readonly pid: number;
  /** Creates and starts a container of the lab's image. @returns its id. */
  run(name: string, options?: ContainerOptions): Promise<string>;
  remove(id: string): Promise<void>;
}
/** One that comes again after a power cut, as at the start of a machine. */
export interface LastingLab extends DockerLab {
  /** Ends the engine and all its containers at once, with what is not on a disk; resolves when it serves again. */
  reboot(): Promise<void>;
}
export interface ContainerOptions {
  /** Another image than the lab's own. */
  readonly image?: string;
  readonly command?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** As the Docker API takes it. */
  readonly host?: Readonly<Record<string, unknown>>;
  readonly networking?: Readonly<Record<string, unknown>>;
}

const BUSYBOX = '/bin/busybox';
const IMAGE = 'firebreak-lab:1';
const TOOLS = ['sh', 'sleep', 'cat', 'date', 'dd', 'kill', 'nc', 'wget', 'httpd'];

const cannot = (...programs: readonly string[]): string | false =>
  process.geteuid?.() !== 0
    ? 'a container engine can only be started by root here'
    : existsSync(BUSYBOX)
      ? missing('runc', 'unshare', 'ip', 'tar', 'ps', ...programs)
      : 'busybox-static is not installed on this machine';
/** For `skip` of a test: why no such engine can be started here, or false. */
export const noDocker = cannot('dockerd', 'containerd', 'iptables');
export const noPodman = cannot('podman', 'conmon');

/** Starts Docker and loads an image made of busybox. About a second. */
export const startDocker = (): Promise<DockerLab> =>
  startEngine('Docker', {
    needs: ['dockerd', 'unshare', 'ip'],
    command: ({ folder }) => [
      'unshare',
      ...['--net', '--mount', 'sh', '-c', 'ip link set lo up && exec dockerd "$@"', 'sh'],
      ...dockerOptions(folder),
    ],
  });

const dockerOptions = (folder: string): readonly string[] => [
  `--config-file=${join(folder, 'daemon.json')}`,
  `--data-root=${join(folder, 'd')}`,
  `--exec-root=${join(folder, 'e')}`,
  `--pidfile=${join(folder, 'pid')}`,
  `--host=unix://${socketIn(folder)}`,
  '--shutdown-timeout=3',
];

/** A Docker that is started again whenever it ends, on the same disk. */
export async function startLastingDocker(): Promise<LastingLab> {
  let place = '';
  const lab = await startEngine('Docker', {
    needs: ['dockerd', 'unshare', 'ip'],
    command: ({ folder }) => {
      place = folder;
      const [options, run] = [dockerOptions(folder), join(folder, 'e')];
      const script = `ip link set lo up; trap 'kill $p; wait $p; exit' TERM
        while :; do dockerd "$@" & p=$!; wait $p
          grep -o "${folder}/[^ ]*" /proc/mounts | sort -r | while read -r mount; do umount -l "$mount"; done; rm -rf ${run} ${folder}/pid
        done`;
      return ['unshare', '--net', '--mount', 'sh', '-c', script, 'sh', ...options];
    },
  });
  return { ...lab, reboot: () => cutPower(lab, place) };
}

/** The engine first of all, held, so that it cannot put anything in order; then what runs; and the engine last. */
async function cutPower(lab: DockerLab, folder: string): Promise<void> {
  const engines = listProcesses().filter(
    ({ argv, program }) =>
      /^(dockerd|containerd|containerd-shim)/.test(program) && argv.some((word) => word.includes(folder)),
  );
  const running = (await listContainers(lab.api)).filter(({ state }) => state !== 'exited');
  const first = await Promise.all(running.map(({ id }) => inspect(lab.api, id)));
  for (const { pid } of engines) process.kill(pid, 'SIGSTOP');
  for (const container of first) {
    const pid = container?.State.Pid ?? 0;
    if (pid === 0) continue;
    process.kill(pid, 'SIGKILL');
    // What is frozen cannot end; without power there is no freezer either.
    for (const tree of controlTrees()) {
      const group = groupFolder(tree, pid) ?? '';
      if (!group.includes(container?.Id ?? '-')) continue;
      const [file, off] = tree.v2 ? ['cgroup.freeze', '0'] : ['freezer.state', 'THAWED'];
      if (existsSync(join(group, file))) writeFileSync(join(group, file), off);
    }
    while (identityOf(pid) !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const rank = (program: string): number =>
    ['containerd-shim', 'containerd', 'dockerd'].findIndex((name) => program.startsWith(name));
  for (const { pid } of engines.toSorted((a, b) => rank(a.program) - rank(b.program))) process.kill(pid, 'SIGKILL');
  // A new line to it each time: what is known of the former one is not asked again.
  const serves = (): Promise<boolean> =>
    new DockerApi(lab.socket).about().then(
      () => true,
      () => false,
    );
  for (const late = Date.now() + 60_000; !(await serves()); await new Promise((resolve) => setTimeout(resolve, 100)))
    if (Date.now() > late) throw new Error('the engine does not come again');
}

/** The same with Podman, in a process namespace as well: its containers would outlive it. Their processes are not seen from outside. */
export const startPodman = (): Promise<DockerLab> =>
  startEngine(
    'Podman',
    {
      needs: ['podman', 'unshare', 'ip'],
      command: ({ folder }) => [
        'unshare',
        ...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
        ...['sh', '-c', 'ip link set lo up && exec podman "$@"', 'sh'],
        `--root=${join(folder, 'd')}`,
        `--runroot=${join(folder, 'e')}`,
        `--tmpdir=${join(folder, 't')}`,
        ...['--cgroup-manager=cgroupfs', '--storage-driver=vfs', '--runtime=runc', '--events-backend=file'],
        ...['system', 'service', '--time=0', `unix://${socketIn(folder)}`],
      ],
      stopSignal: 'SIGKILL',
    },
    // Its own defaults are higher than a root without CAP_SYS_RESOURCE may set.
    {
      NetworkMode: 'none',
      Ulimits: ['nofile', 'nproc'].map((Name) => ({ Name, Soft: 1_024, Hard: 1_024 })),
    },
  );

const socketIn = (folder: string): string => join(folder, 's');

async function startEngine(
  title: string,
  spec: Pick<ServerSpec, 'needs' | 'command' | 'stopSignal'>,
  always: Readonly<Record<string, unknown>> = {},
): Promise<DockerLab> {
  let socket = '';
  await using stack = new AsyncDisposableStack();
  const server: LabServer = stack.use(
    await startServer({
      title,
      ...spec,
      files: ({ folder }) => {
        socket = socketIn(folder);
        return { 'daemon.json': '{}' };
      },
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
  // Podman gives it another name.
  const [image] = await api.ask(
    '/images/json',
    z.array(z.object({ Id: z.string(), RepoTags: z.array(z.string()).nullish() })),
  );
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
    pid: server.pid,
    remove,
    run: async (name, { image: asked, command = ['sleep', '3600'], labels = {}, host = {}, networking = {} } = {}) => {
      const body = {
        Image: asked ?? image?.RepoTags?.[0] ?? image?.Id ?? '',
        Cmd: command,
        Labels: labels,
        StopTimeout: 1,
        HostConfig: { ...always, ...host },
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
