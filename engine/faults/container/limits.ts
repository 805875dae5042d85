import { FirebreakError, messageOf } from '../../kernel/errors.ts';
import { type EffectFigure } from '../../kernel/fault.ts';
import { limitBytes, memoryFile, readMemoryLimit, writeMemoryLimit } from '../../host/container-memory.ts';
import { type Container, inspect, readStats, update } from '../../host/containers.ts';
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
    if ((await api.about()).podman) {
      throw new FirebreakError('container-limits', 'Podman does not change limits through the Docker API', { hint: 'use action: pause or stress' });
    }
    const memory = params.memoryMB > 0 && container.HostConfig.Memory <= 0 ? ownMemory(container, params) : null;
    return { kind: 'limit', limits: limitsOf(container, params, memory === null), memory };
  },
  act: async ({ api }, { id, name, prior: { limits, memory } }) => {
    if (limits.length > 0) await update(api, id, Object.fromEntries(limits.map((one) => [one.name, one.set])));
    if (memory !== null) {
      try {
        writeMemoryLimit(memory.file, memory.set);
      } catch (error) {
        throw new FirebreakError('container-limits', `the kernel refuses the memory limit of ${name}: ${messageOf(error)}`, { hint: 'it uses more than that already; choose a higher limit' });
      }
    }
    return 'limited';
  },
  measure: async ({ api }, { id, name, prior }) => {
    const now = await inspect(api, id);
    if (now === undefined) return { holds: false, figures: [] };
    const figures: EffectFigure[] = [];
    for (const one of prior.limits) {
      if (one.name === 'NanoCpus') figures.push(figure(`cpu limit of ${name}`, 'cores', one.set / 1e9, now.HostConfig.NanoCpus / 1e9));
      if (one.name === 'CpuQuota') figures.push(figure(`cpu limit of ${name}`, 'cores', one.set / periodOf(now), now.HostConfig.CpuQuota / periodOf(now)));
      // These two as the kernel has them, and not only as the engine has noted them.
      if (one.name === 'Memory') figures.push(figure(`memory limit of ${name}`, 'MB', one.set / MB, (await readStats(api, id)).memory_stats.limit / MB));
      if (one.name === 'PidsLimit') figures.push(figure(`task limit of ${name}`, 'count', one.set, (await readStats(api, id)).pids_stats.limit));
    }
    if (prior.memory !== null) figures.push(figure(`memory limit of ${name}`, 'MB', Number(prior.memory.set) / MB, limitBytes(readMemoryLimit(prior.memory.file)) / MB));
    return { holds: figures.every(({ requested, delivered }) => delivered !== null && Math.abs(delivered - requested) <= requested * EXACT), figures };
  },
  left: async ({ api }, { id, prior }) => {
    const now = await inspect(api, id);
    if (now === undefined) return '';
    const left = prior.limits.filter((one) => plain(now.HostConfig[one.name]) !== plain(one.was)).map((one) => `${one.name} ${now.HostConfig[one.name]} instead of ${one.was}`);
    const limit = prior.memory === null ? '' : readMemoryLimit(prior.memory.file);
    if (prior.memory !== null && limit !== '' && limit !== prior.memory.was) left.push(`memory limit ${limit} instead of ${prior.memory.was}`);
    return left.join(', ');
  },
  // Only what is still as it was set here: a limit that somebody has changed since is theirs.
  undo: async ({ api }, { id, prior: { limits, memory } }) => {
    const now = await inspect(api, id);
    if (now === undefined) return;
    const back = limits.filter((one) => now.HostConfig[one.name] === one.set).map((one) => [one.name, backTo(one)]);
    if (back.length > 0) await update(api, id, Object.fromEntries(back));
    if (memory !== null && limitBytes(readMemoryLimit(memory.file)) === Number(memory.set)) writeMemoryLimit(memory.file, memory.was);
  },
};

/** Which limits are set to what. A limit that is tighter already is left alone. */
function limitsOf({ HostConfig: was, Name }: Container, { cpus, memoryMB, pids }: ContainerParams, memory: boolean): LimitPrior[] {
  const limits: LimitPrior[] = [];
  const add = (name: LimitPrior['name'], set: number): void => {
    if (was[name] > 0 && was[name] <= set) {
      throw new FirebreakError('container-limits', `${Name.slice(1)} is limited to ${was[name]} (${name}) already, which is not more than ${set}`, { hint: 'choose a tighter limit' });
    }
    limits.push({ name, was: was[name], set });
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

const periodOf = ({ HostConfig }: Container): number => (HostConfig.CpuPeriod > 0 ? HostConfig.CpuPeriod : PERIOD);
/** All the ways to write "no limit" are one. */
const plain = (limit: number): number => Math.max(0, limit);
/** 0 means "as before" to the engine, but for the tasks. */
const backTo = ({ name, was }: LimitPrior): number => (was > 0 ? was : name === 'CpuQuota' ? -1 : 0);
