import { FirebreakError, messageOf } from '../../kernel/errors.ts';
import { type EffectFigure } from '../../kernel/fault.ts';
import { limitBytes, memoryFile, readMemoryLimit, writeMemoryLimit } from '../../host/container-memory.ts';
import { type Container, inspect, readStats, update } from '../../host/containers.ts';
import { type DockerApi } from '../../host/docker.ts';
import { type GroupLimits, podmanGroup, readPodmanLimits, updatePodman } from '../../host/podman-limits.ts';
import { type Deed, figure } from './deed.ts';
import { type ContainerParams } from './manifest.ts';
import { type LimitPrior, type PriorOf } from './undo.ts';

const MB = 1_048_576;
/** The period that a quota counts in where nobody has chosen another, in microseconds: the kernel's default. */
const PERIOD = 100_000;
/** How exact a limit is read back: the kernel rounds to pages, the engine to microseconds. */
const EXACT = 0.02;

/** Less processor time, memory or tasks than before. */
export const limiting: Deed<'limit'> = {
  prepare: async ({ api }, container, params) => {
    if ((await api.about()).podman !== '') return ofPodman(api, container, params);
    const memory = params.memoryMB > 0 && container.HostConfig.Memory <= 0 ? ownMemory(container, params) : null;
    return { kind: 'limit', limits: limitsOf(container.Name, container.HostConfig, params, memory === null), memory, group: null };
  },
  act: async ({ api }, { id, name, prior }) => {
    await change(api, id, prior, prior.limits.map((one) => [one.name, one.set] as const));
    if (prior.memory !== null) {
      try {
        writeMemoryLimit(prior.memory.file, prior.memory.set);
      } catch (error) {
        throw new FirebreakError('container-limits', `the kernel refuses the memory limit of ${name}: ${messageOf(error)}`, { hint: 'it uses more than that already; choose a higher limit' });
      }
    }
    return 'limited';
  },
  measure: async ({ api }, { id, name, prior }) => {
    const now = await limitsNow(api, id, prior);
    if (now === undefined) return { holds: false, figures: [] };
    const figures: EffectFigure[] = [];
    // Docker's inspect tells what it has noted; these two as the kernel has them.
    const stats = prior.group === null ? await readStats(api, id) : undefined;
    for (const one of prior.limits) {
      if (one.name === 'NanoCpus') figures.push(figure(`cpu limit of ${name}`, 'cores', one.set / 1e9, now.NanoCpus / 1e9));
      if (one.name === 'CpuQuota') figures.push(figure(`cpu limit of ${name}`, 'cores', one.set / periodOf(now), now.CpuQuota / periodOf(now)));
      if (one.name === 'Memory') figures.push(figure(`memory limit of ${name}`, 'MB', one.set / MB, (stats?.memory_stats.limit ?? now.Memory) / MB));
      if (one.name === 'PidsLimit') figures.push(figure(`task limit of ${name}`, 'count', one.set, stats?.pids_stats.limit ?? now.PidsLimit));
    }
    if (prior.memory !== null) figures.push(figure(`memory limit of ${name}`, 'MB', Number(prior.memory.set) / MB, limitBytes(readMemoryLimit(prior.memory.file)) / MB));
    return { holds: figures.every(({ requested, delivered }) => delivered !== null && requested !== null && Math.abs(delivered - requested) <= requested * EXACT), figures };
  },
  left: async ({ api }, { id, prior }) => {
    const now = await limitsNow(api, id, prior);
    if (now === undefined) return '';
    const left = prior.limits.filter((one) => plain(now[one.name]) !== plain(one.was)).map((one) => `${one.name} ${now[one.name]} instead of ${one.was}`);
    const limit = prior.memory === null ? '' : readMemoryLimit(prior.memory.file);
    if (prior.memory !== null && limit !== '' && limit !== prior.memory.was) left.push(`memory limit ${limit} instead of ${prior.memory.was}`);
    return left.join(', ');
  },
  // Only what is still as it was set here: a limit that somebody has changed since is theirs.
  undo: async ({ api }, { id, prior }) => {
    const now = await limitsNow(api, id, prior);
    if (now === undefined) return;
    await change(api, id, prior, prior.limits.filter((one) => now[one.name] === one.set).map((one) => [one.name, backTo(one, prior)] as const));
    const { memory } = prior;
    if (memory !== null && limitBytes(readMemoryLimit(memory.file)) === Number(memory.set)) writeMemoryLimit(memory.file, memory.was);
  },
};

type Prior = PriorOf<'limit'>;

/** The limits as they are: of Podman by the kernel's account, where it has one; undefined when the container is gone. */
async function limitsNow(api: DockerApi, id: string, { group }: Prior): Promise<GroupLimits | undefined> {
  const now = await inspect(api, id);
  if (now === undefined || group === null) return now?.HostConfig;
  return readPodmanLimits(group) ?? now.HostConfig;
}

async function change(api: DockerApi, id: string, { group }: Prior, limits: readonly (readonly [LimitPrior['name'], number])[]): Promise<void> {
  if (limits.length > 0) await (group === null ? update : updatePodman)(api, id, Object.fromEntries(limits));
}

async function ofPodman(api: DockerApi, container: Container, params: ContainerParams): Promise<Prior> {
  const found = await podmanGroup(api, container.Id);
  const now = 'group' in found ? readPodmanLimits(found.group) : undefined;
  if (!('group' in found) || now === undefined) {
    const why = 'refusal' in found ? found.refusal : 'it has just ended';
    throw new FirebreakError('container-limits', `the limits of ${container.Name.replace(/^\//, '')} cannot be changed: ${why}`, { hint: 'run beside Podman 4.3 or later, or use action: pause or stress' });
  }
  return { kind: 'limit', limits: limitsOf(container.Name, now, params, true), memory: null, group: found.group };
}

/** Which limits are set to what. A limit that is tighter already is left alone. */
function limitsOf(name: string, was: GroupLimits, { cpus, memoryMB, pids }: ContainerParams, memory: boolean): LimitPrior[] {
  const limits: LimitPrior[] = [];
  const add = (limit: LimitPrior['name'], set: number): void => {
    if (was[limit] > 0 && was[limit] <= set) {
      throw new FirebreakError('container-limits', `${name.replace(/^\//, '')} is limited to ${was[limit]} (${limit}) already, which is not more than ${set}`, { hint: 'choose a tighter limit' });
    }
    limits.push({ name: limit, was: was[limit], set });
  };
  // The engine takes one of the two and keeps to it.
  if (cpus > 0 && was.NanoCpus > 0) add('NanoCpus', Math.round(cpus * 1e9));
  else if (cpus > 0) add('CpuQuota', Math.max(1_000, Math.round(cpus * (was.CpuPeriod > 0 ? was.CpuPeriod : PERIOD))));
  if (memory && memoryMB > 0) add('Memory', memoryMB * MB);
  if (pids > 0) add('PidsLimit', pids);
  return limits;
}

/** @throws FirebreakError where the container has no memory limit, and none could be taken off again. */
function ownMemory(container: Container, { memoryMB }: ContainerParams): NonNullable<PriorOf<'limit'>['memory']> {
  const found = memoryFile(container);
  if ('file' in found) return { file: found.file, was: readMemoryLimit(found.file), set: String(memoryMB * MB) };
  const why = `${container.Name.slice(1)} has no memory limit, and its engine could not take one off again; its control group could, but ${found.refusal}`;
  throw new FirebreakError('container-limits', why, { hint: 'run as root beside the engine, or give the container a memory limit of its own' });
}

const periodOf = ({ CpuPeriod }: GroupLimits): number => (CpuPeriod > 0 ? CpuPeriod : PERIOD);
/** All the ways to write "no limit" are one. */
const plain = (limit: number): number => Math.max(0, limit);
/** To Podman -1 is no limit. To Docker 0 means "as before", but for the tasks. */
const backTo = ({ name, was }: LimitPrior, { group }: Prior): number => (was > 0 ? was : group !== null || name === 'CpuQuota' ? -1 : 0);
