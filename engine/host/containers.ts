import { z } from 'zod';
import { FirebreakError } from '../kernel/errors.ts';
import { readText } from './cgroups.ts';
import { type DockerApi } from './docker.ts';
import { identityOf, type ProcessIdentity } from './identity.ts';

/** What a container engine can do to containers, each with its inverse. By the full id only: names are given away again. */

const texts = z.record(z.string(), z.string()).nullish().transform((value) => value ?? {});
const list = <Item extends z.ZodType>(item: Item) => z.array(item).nullish().transform((value) => value ?? []);

const listed = z.object({ Id: z.string().regex(/^[0-9a-f]{64}$/), Names: list(z.string()), Image: z.string(), Labels: texts, State: z.string() });
/** A container as the list of all shows it. */
export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** created, running, paused, restarting, removing, exited, dead */
  readonly state: string;
}

const endpoint = z.object({
  IPAMConfig: z.record(z.string(), z.unknown()).nullish().transform((value) => value ?? null),
  Links: list(z.string()),
  Aliases: list(z.string()),
  DriverOpts: texts,
  NetworkID: z.string().default(''),
});
export type Endpoint = z.infer<typeof endpoint>;

const inspected = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({
    Running: z.boolean(), Paused: z.boolean(), Restarting: z.boolean().default(false), Pid: z.int().default(0), StartedAt: z.string(),
    Health: z.object({ Status: z.string() }).nullish(),
  }),
  Config: z.object({ Labels: texts }),
  HostConfig: z.object({
    AutoRemove: z.boolean().default(false),
    NetworkMode: z.string().default(''),
    RestartPolicy: z.object({ Name: z.string().default('') }).nullish().transform((value) => value?.Name ?? ''),
    NanoCpus: z.number().default(0),
    CpuQuota: z.number().default(0),
    CpuPeriod: z.number().default(0),
    Memory: z.number().default(0),
    MemorySwap: z.number().default(0),
    PidsLimit: z.number().nullish().transform((value) => value ?? 0),
  }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpoint).nullish().transform((value) => value ?? {}) }),
});
/** A container as it is now. */
export type Container = z.infer<typeof inspected>;

/** Every container, running or not. */
export async function listContainers(api: DockerApi, signal?: AbortSignal): Promise<readonly ListedContainer[]> {
  const all = await api.ask('/containers/json', z.array(listed), { query: { all: '1' }, ...(signal === undefined ? {} : { signal }) });
  return all.map(({ Id, Names, Image, Labels, State }) => ({ id: Id, name: (Names[0] ?? '').replace(/^\//, ''), image: Image, labels: Labels, state: State }));
}

/** One container; undefined when it is gone. */
export async function inspect(api: DockerApi, id: string): Promise<Container | undefined> {
  try {
    return await api.ask(`/containers/${id}/json`, inspected);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export const isGone = (error: unknown): boolean => error instanceof FirebreakError && error.code === 'no-container';
/** Whether it runs; one that is between two attempts of its restart policy does not. */
export const isUp = ({ State }: Container): boolean => State.Running && !State.Restarting;

export const pause = (api: DockerApi, id: string): Promise<void> => api.act(`/containers/${id}/pause`);
export const unpause = (api: DockerApi, id: string): Promise<void> => api.act(`/containers/${id}/unpause`);
export const start = (api: DockerApi, id: string): Promise<void> => api.act(`/containers/${id}/start`);
export const killByEngine = (api: DockerApi, id: string): Promise<void> => api.act(`/containers/${id}/kill`, { query: { signal: 'SIGKILL' } });

/** The engine answers when it is done: after the grace at the latest, and what killing then takes. */
const AFTER_GRACE = 20_000;
const patient = (graceMs: number): { query: { t: string }; within: number } => ({ query: { t: String(Math.ceil(graceMs / 1_000)) }, within: graceMs + AFTER_GRACE });
export const stop = (api: DockerApi, id: string, graceMs: number): Promise<void> => api.act(`/containers/${id}/stop`, patient(graceMs));
export const restart = (api: DockerApi, id: string, graceMs: number): Promise<void> => api.act(`/containers/${id}/restart`, patient(graceMs));

export const disconnect = (api: DockerApi, id: string, network: string): Promise<void> =>
  api.act(`/networks/${network}/disconnect`, { body: { Container: id } });

/** Connects a container again as it was: aliases, links and the addresses that somebody had chosen. */
export const connect = (api: DockerApi, id: string, network: string, as: Pick<Endpoint, 'IPAMConfig' | 'Links' | 'Aliases' | 'DriverOpts'>): Promise<void> =>
  api.act(`/networks/${network}/connect`, { body: { Container: id, EndpointConfig: as } });

export async function networkExists(api: DockerApi, network: string): Promise<boolean> {
  try {
    await api.ask(`/networks/${network}`, z.object({ Id: z.string() }));
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** The limits that can be changed while a container runs, in the units of the API; see `ContainerUpdate` there. */
export interface Limits {
  readonly NanoCpus?: number;
  /** Microseconds of each 100 ms; -1 is no limit. */
  readonly CpuQuota?: number;
  readonly Memory?: number;
  readonly MemorySwap?: number;
  /** 0 is no limit. */
  readonly PidsLimit?: number;
}
export const update = (api: DockerApi, id: string, limits: Limits): Promise<void> => api.act(`/containers/${id}/update`, { body: limits });

const stats = z.object({
  cpu_stats: z.object({ cpu_usage: z.object({ total_usage: z.number() }) }),
  memory_stats: z.object({ usage: z.number().default(0), limit: z.number().default(0) }),
  pids_stats: z.object({ current: z.number().default(0), limit: z.number().default(0) }).nullish().transform((value) => value ?? { current: 0, limit: 0 }),
});
/** What the kernel accounts to a container now: nanoseconds of processor time, bytes, tasks. */
export const readStats = (api: DockerApi, id: string): Promise<z.infer<typeof stats>> =>
  api.ask(`/containers/${id}/stats`, stats, { query: { stream: 'false', 'one-shot': 'true' } });

/** The command lines of what runs in a container; reads nothing inside it, but Docker needs `ps` beside it. */
export async function commandsIn(api: DockerApi, id: string): Promise<readonly string[]> {
  const top = z.object({ Titles: z.array(z.string()), Processes: list(z.array(z.string())) });
  const { Processes } = await api.ask(`/containers/${id}/top`, top, { query: { ps_args: (await api.about()).podman === '' ? '-eo pid,args' : 'pid,args' } });
  return Processes.map((fields) => fields.slice(1).join(' '));
}

/** Prepares a command in a container without starting it. @returns its id. */
export async function prepareExec(api: DockerApi, id: string, command: readonly string[], input: boolean): Promise<string> {
  const body = { Cmd: command, AttachStdin: input, AttachStdout: true, AttachStderr: true, Tty: false };
  return (await api.ask(`/containers/${id}/exec`, z.object({ Id: z.string() }), { method: 'POST', body })).Id;
}

/** What became of a command; undefined when nobody knows it any more. */
export async function execState(api: DockerApi, exec: string): Promise<{ readonly running: boolean; readonly code: number | null } | undefined> {
  try {
    const schema = z.object({ Running: z.boolean(), ExitCode: z.number().nullish() });
    const { Running, ExitCode } = await api.ask(`/exec/${exec}/json`, schema);
    return { running: Running, code: ExitCode ?? null };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/**
 * The first process of a container, when it is to be seen from here: the same kernel and process namespace as the engine's.
 * Its control group names the container, so no process of another machine is taken for it.
 */
export function hostProcess(container: Container): ProcessIdentity | undefined {
  const { Pid } = container.State;
  if (Pid <= 0 || !readText(`/proc/${Pid}/cgroup`).includes(container.Id)) return undefined;
  return identityOf(Pid);
}

/** Files that an engine mounts into each container from a folder that is named by its id; hosts see such folders of all containers elsewhere. */
const OWN_FILES = new Set(['/etc/hostname', '/etc/hosts', '/etc/resolv.conf']);

/** The ids of the containers that a process with these /proc files runs in; none outside of containers. */
export function ownContainers(cgroup = readText('/proc/self/cgroup'), mountinfo = readText('/proc/self/mountinfo')): ReadonlySet<string> {
  const ids = new Set(cgroup.match(/[0-9a-f]{64}/g) ?? []);
  for (const line of mountinfo.split('\n')) {
    const [, , , root = '', place = ''] = line.split(' ');
    const id = OWN_FILES.has(place) ? /containers\/([0-9a-f]{64})\//.exec(root)?.[1] : undefined;
    if (id !== undefined) ids.add(id);
  }
  return ids;
}
