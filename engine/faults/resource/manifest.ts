import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest, type GuardRemark } from '../../kernel/fault.ts';
import { duration, type FieldMeta, flag, HOUR, ratio, whole } from '../../kernel/fields.ts';
import { SELECTOR_HELP } from '../../kernel/process-selector.ts';
import { commonFields, commonNoop, commonRemarks, commonSeverity, errorCode, idle, noHeaders } from '../../kernel/pastaay.ts';

/** No more memory than this is ever taken by all RAM faults of a machine together (CAPABILITIES: "The machine"). */
export const RAM_CEILING_MB = 4_096;
/** The `throttle_threshold` from which the guard speaks of a CPU lock; here it means full load on every core. */
export const FULL_THRESHOLD = 100_000;

const MOST_MEMORY_MB = 1_048_576;
const MOST_CORES = 1_024;
/** The least processor time that the kernel gives in each period, as cores: 1 ms of 100 ms (sched-bwc.rst). */
const LEAST_CPU_LIMIT = 0.01;
/** The most that a machine can have at all (PID_MAX_LIMIT in include/linux/threads.h). */
const MOST_PIDS = 4_194_304;

const params = z.object({
  ...commonFields,
  latencyChance: idle('resource', commonFields.latencyChance),
  errorChance: idle('resource', commonFields.errorChance),
  errorBody: idle('resource', commonFields.errorBody),
  errorCode: idle('resource', errorCode('', 0, 599, 0)),
  dropConnection: idle('resource', commonFields.dropConnection),
  streamRollMode: idle('resource', commonFields.streamRollMode),
  matchHeaders: noHeaders,
  latencyDuration: duration('How long the attack lasts; 0 means as long as the experiment.', HOUR),
  throttleThreshold: whole('CPU intensity: 100000 and more is full load on all cores, less is in proportion.', 0, 10_000_000),
  cpuCores: whole('How many cores to load; 0 means all.', 0, 1_024, 0, 'cores'),
  cpuLoad: ratio('The load on each of these cores, 0-1. With cores but no load: 1.'),
  ramMB: whole('How much memory to hold. With a chunk it is where the leak stops.', 0, RAM_CEILING_MB, 0, 'MB'),
  ramSpike: duration('How long ram_mb is held at a time: then it is given back, and taken again after ram_interval. 0 means held until the end.', HOUR),
  memoryLimitMB: whole('The most memory that each process of the target may have; one that needs more is killed by the kernel. 0 = no limit.', 0, MOST_MEMORY_MB, 0, 'MB'),
  cpuLimit: z
    .number({ error: `expected a number from 0 to ${MOST_CORES}` })
    .min(0, `expected a number from 0 to ${MOST_CORES}`)
    .max(MOST_CORES, `expected a number from 0 to ${MOST_CORES}`)
    .default(0)
    .meta({ help: "The most cores' worth of processor time that each process of the target may use; 0 = no limit.", unit: 'cores', min: 0, max: MOST_CORES, example: 0.5 } satisfies FieldMeta),
  pidsLimit: whole('The most processes and threads that each process of the target may be and start; 0 = no limit.', 0, MOST_PIDS),
  dropCaches: flag("Drop what the system has cached of its disks, once. It reaches every process of this machine, so it needs allow_host."),
  allowHost: flag('Allow what reaches every process of this machine.'),
});
export type ResourceParams = z.infer<typeof params>;

/** What the parameters come to: the load on each core (0 = CPU left alone) and the cores (0 = all). */
export function cpuAsked(asked: ResourceParams): { readonly load: number; readonly cores: number } {
  if (asked.cpuLoad > 0) return { load: asked.cpuLoad, cores: asked.cpuCores };
  if (asked.throttleThreshold > 0) {
    return { load: Math.min(1, asked.throttleThreshold / FULL_THRESHOLD), cores: asked.cpuCores };
  }
  return { load: asked.cpuCores > 0 ? 1 : 0, cores: asked.cpuCores };
}

export interface RamAsked {
  readonly holdMB: number;
  readonly chunkMB: number;
  readonly interval: number;
  readonly spike: number;
}
/**
 * What the parameters come to: at once `holdMB`, for `spike` ms at a time (0 = for good) and `interval` ms apart; or `chunkMB`
 * each `interval` ms up to `holdMB` (0 = the ceiling).
 */
export function ramAsked(asked: ResourceParams): RamAsked {
  return { holdMB: asked.ramMB, chunkMB: asked.ramChunkMB, interval: asked.ramInterval, spike: asked.ramSpike };
}

/** What is put on the machine itself. */
export const loads = (asked: ResourceParams): boolean => cpuAsked(asked).load > 0 || asked.ramMB > 0 || asked.ramChunkMB > 0;
/** What is kept from the processes of the target. */
export const limits = (asked: ResourceParams): boolean => asked.memoryLimitMB > 0 || asked.cpuLimit > 0 || asked.pidsLimit > 0;
const asksNothing = (asked: ResourceParams): boolean => !loads(asked) && !limits(asked) && !asked.dropCaches;

/** The limits, as a person would say them. */
export function limitsInWords(asked: ResourceParams): string {
  const words = [
    asked.memoryLimitMB > 0 ? `${asked.memoryLimitMB} MB of memory` : '',
    asked.cpuLimit > 0 ? coresInWords(asked.cpuLimit) : '',
    asked.pidsLimit > 0 ? `${asked.pidsLimit} processes and threads` : '',
  ];
  const said = words.filter(Boolean);
  return said.length > 2 ? `${said.slice(0, -1).join(', ')} and ${said.at(-1) ?? ''}` : said.join(' and ');
}
/** A load this high leaves other programs next to nothing on the cores it takes. */
const LOCK_LOAD = 0.9;

export const resourceManifest = defineManifest({
  type: 'resource',
  layer: 'host',
  summary: 'Loads the CPU and takes memory of this machine, or limits what some processes may have of them.',
  params,
  target: { required: false, help: `Load is always put on this machine, whatever the text. A limit holds for ${SELECTOR_HELP}.`, example: 'host/system' },
  example: { cpuLoad: 0.8 },
  noop: (asked) => asksNothing(asked) && commonNoop(asked),
  severity: (asked) => {
    const { load } = cpuAsked(asked);
    // The weights of RAM and CPU in CAPABILITIES ("Guard"), applied to the plainer fields as well.
    const ram = asked.ramMB >= 1_024 ? 0.9 : asked.ramMB >= 256 ? 0.5 : asked.ramMB > 0 ? 0.2 : 0;
    const cpu = asked.throttleThreshold > 0 ? 0 : load >= LOCK_LOAD ? 0.8 : load > 0 ? 0.4 : 0;
    const limit = asked.memoryLimitMB > 0 ? 0.7 : limits(asked) ? 0.4 : 0;
    return Math.max(commonSeverity(asked), ram, cpu, limit, asked.dropCaches ? 0.8 : 0);
  },
  remarks: (asked) => {
    const remarks = new Set<GuardRemark>(commonRemarks(asked));
    if (asked.ramMB >= 1_024) remarks.add('oom');
    if (asked.throttleThreshold === 0 && cpuAsked(asked).load >= LOCK_LOAD) remarks.add('cpu-lock');
    if (asked.memoryLimitMB > 0) remarks.add('irreversible');
    return [...remarks];
  },
  explain: (asked, target) => {
    const parts: string[] = [];
    const { load, cores } = cpuAsked(asked);
    if (load > 0) {
      parts.push(`loads ${cores === 0 ? 'every core' : coresInWords(cores)} of this machine to ${percent(load)}`);
    }
    const { holdMB, chunkMB, interval } = ramAsked(asked);
    if (chunkMB > 0) {
      parts.push(`takes ${chunkMB} MB of this machine's memory every ${formatDuration(interval)} up to ${holdMB || RAM_CEILING_MB} MB`);
    }
    else if (holdMB > 0) {
      const spikes = asked.ramSpike > 0 ? `, ${formatDuration(asked.ramSpike)} at a time, ${formatDuration(interval)} apart` : '';
      parts.push(`holds ${holdMB} MB of this machine's memory${spikes}`);
    }
    if (limits(asked)) parts.push(`keeps each process that matches ${target} to ${limitsInWords(asked)}`);
    if (asked.dropCaches) parts.push("drops this machine's disk caches once");
    if (parts.length === 0) return 'Leaves this machine as it is.';
    const span = asked.latencyDuration > 0 ? ` for ${formatDuration(asked.latencyDuration)}` : '';
    const text = `${parts.join(' and ')}${span}.`;
    return `${text[0]?.toUpperCase()}${text.slice(1)}`;
  },
  platforms: ['linux', 'darwin'],
  privileges: ['root for limits and drop_caches'],
  needsRoot: (asked) => limits(asked) || asked.dropCaches,
  blastRadius: (asked) => (asked.dropCaches ? 3 : loads(asked) ? 2 : 1),
  verifyWithin: 10_000,
  check: (asked) => {
    const findings: { field: string; message: string; hint: string }[] = [];
    const find = (field: string, message: string, hint: string): void => void findings.push({ field, message, hint });
    if (asked.ramSpike > 0 && asked.ramMB === 0) find('ramSpike', 'expected ram_mb to be held', 'set ram_mb');
    if (asked.ramSpike > 0 && asked.ramChunkMB > 0) find('ramSpike', 'expected either spikes or a leak', 'leave out ram_chunk_mb or ram_spike');
    if (asked.cpuLimit > 0 && asked.cpuLimit < LEAST_CPU_LIMIT) find('cpuLimit', `expected 0 or at least ${LEAST_CPU_LIMIT}`, 'ask for more');
    if (asked.dropCaches && !asked.allowHost) find('dropCaches', 'expected allow_host: true, for it reaches every process of this machine', 'set allow_host: true if that is what you want');
    return findings;
  },
});

export const coresInWords = (cores: number): string => (cores === 1 ? '1 core' : `${cores} cores`);
export const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`;
