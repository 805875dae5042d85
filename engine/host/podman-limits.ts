import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readText } from './cgroups.ts';
import { controlTrees } from './control-groups.ts';
import { type Container } from './containers.ts';
import { type DockerApi } from './docker.ts';

/**
 * The limits of a container of Podman. Its Docker API does not change them, its own does (`podman update`, from 4.3); what it
 * says of them may be what the container was created with, so they are read where the kernel keeps them.
 */

/** As the Docker API names them: microseconds of each period, bytes, tasks; 0 is no limit. */
export type GroupLimits = Pick<Container['HostConfig'], 'NanoCpus' | 'CpuQuota' | 'CpuPeriod' | 'Memory' | 'PidsLimit'>;
export type LimitName = 'CpuQuota' | 'Memory' | 'PidsLimit';

/** The first Podman whose own API changes limits. */
const SINCE = [4, 3] as const;
/** The API speaks of itself under the versions of both. */
const own = (id: string, what: string): string => `/libpod/containers/${id}/${what}`;

/** Where the control group of a running container is, below each tree's mount; or why its limits cannot be changed. */
export async function podmanGroup(api: DockerApi, id: string): Promise<{ readonly group: string } | { readonly refusal: string }> {
  const { podman } = await api.about();
  const [major = 0, minor = 0] = podman.split('.').map(Number);
  if (major < SINCE[0] || (major === SINCE[0] && minor < SINCE[1])) return { refusal: `Podman ${podman} does not change them; 4.3 and later do` };
  const { State: { CgroupPath } } = await api.ask(own(id, 'json'), z.object({ State: z.object({ CgroupPath: z.string().default('') }) }));
  if (!isPodmanGroup(CgroupPath)) return { refusal: 'it has no control group of its own' };
  return readPodmanLimits(CgroupPath) === undefined ? { refusal: 'its control group cannot be seen from here, so nobody could tell what they are' } : { group: CgroupPath };
}

/** A path that ends in a container's group, as both of Podman's managers call it. */
export const isPodmanGroup = (path: string): boolean => /^(\/[\w@.-]+)*\/libpod-[0-9a-f]{64}(\.scope)?$/.test(path) && !path.split('/').includes('..');

/** What the kernel holds the group to; undefined when it is gone. See sched-bwc.rst, cgroup-v1/memory.rst, pids.rst and cgroup-v2.rst. */
export function readPodmanLimits(group: string): GroupLimits | undefined {
  const cpu = folderOf(group, 'cpu');
  const memory = folderOf(group, 'memory');
  const pids = folderOf(group, 'pids');
  if (cpu === undefined || memory === undefined || pids === undefined) return undefined;
  const [quota = '', period = ''] = cpu.v2 ? readText(join(cpu.path, 'cpu.max')).split(' ') : ['quota', 'period'].map((what) => readText(join(cpu.path, `cpu.cfs_${what}_us`)));
  return {
    NanoCpus: 0,
    CpuQuota: limitOf(quota),
    CpuPeriod: limitOf(period),
    Memory: limitOf(readText(join(memory.path, memory.v2 ? 'memory.max' : 'memory.limit_in_bytes'))),
    PidsLimit: limitOf(readText(join(pids.path, 'pids.max'))),
  };
}

/** Sets these limits and no others, on the running container. @param limits -1 takes one off. */
export async function updatePodman(api: DockerApi, id: string, limits: Readonly<Partial<Record<LimitName, number>>>): Promise<void> {
  const { CpuQuota, Memory, PidsLimit } = limits;
  // As the OCI runtime takes them (opencontainers/runtime-spec, config-linux.md).
  const body = {
    ...(CpuQuota !== undefined && { cpu: { quota: CpuQuota } }),
    ...(Memory !== undefined && { memory: { limit: Memory } }),
    ...(PidsLimit !== undefined && { pids: { limit: PidsLimit } }),
  };
  await api.act(own(id, 'update'), { body });
}

function folderOf(group: string, controller: string): { readonly path: string; readonly v2: boolean } | undefined {
  const tree = controlTrees().find(({ controllers }) => controllers.includes(controller)) ?? controlTrees().find(({ v2 }) => v2);
  if (tree === undefined || tree.root !== '/') return undefined;
  const path = join(tree.mount, group);
  return existsSync(path) ? { path, v2: tree.v2 } : undefined;
}

/** `max`, -1, and the largest number of pages are no limit. */
const limitOf = (text: string): number => (/^\d+$/.test(text) && BigInt(text) < 2n ** 62n ? Number(text) : 0);
