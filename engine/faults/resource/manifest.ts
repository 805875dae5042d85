import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest, type GuardRemark } from '../../kernel/fault.ts';
import { duration, HOUR, ratio, whole } from '../../kernel/fields.ts';
import { commonFields, commonNoop, commonRemarks, commonSeverity, errorCode, noHeaders } from '../../kernel/pastaay.ts';

/** No more memory than this is ever taken by all RAM faults of a machine together (CAPABILITIES: "The machine"). */
export const RAM_CEILING_MB = 4_096;
/** The `throttle_threshold` from which the guard speaks of a CPU lock; here it means full load on every core. */
export const FULL_THRESHOLD = 100_000;

const params = z.object({
  ...commonFields,
  errorCode: errorCode('Has no meaning for this type; accepted because the format allows it everywhere.', 0, 599, 0),
  matchHeaders: noHeaders,
  latencyDuration: duration('How long the attack lasts; 0 means as long as the experiment.', HOUR),
  throttleThreshold: whole('CPU intensity: 100000 and more is full load on all cores, less is in proportion.', 0, 10_000_000),
  cpuCores: whole('How many cores to load; 0 means all.', 0, 1_024, 0, 'cores'),
  cpuLoad: ratio('The load on each of these cores, 0-1. With cores but no load: 1.'),
  ramMB: whole('How much memory to hold. With a chunk it is where the leak stops.', 0, RAM_CEILING_MB, 0, 'MB'),
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

/** What the parameters come to: at once `holdMB`, or `chunkMB` each `interval` ms up to `holdMB` (0 = the ceiling). */
export function ramAsked(asked: ResourceParams): { readonly holdMB: number; readonly chunkMB: number; readonly interval: number } {
  return { holdMB: asked.ramMB, chunkMB: asked.ramChunkMB, interval: asked.ramInterval };
}

const idle = (asked: ResourceParams): boolean => cpuAsked(asked).load === 0 && asked.ramMB === 0 && asked.ramChunkMB === 0;
/** A load this high leaves other programs next to nothing on the cores it takes. */
const LOCK_LOAD = 0.9;

export const resourceManifest = defineManifest({
  type: 'resource',
  layer: 'host',
  summary: 'Loads the CPU and takes memory of this machine.',
  params,
  target: { required: false, help: 'Always this machine; any text is accepted.', example: 'host/system' },
  noop: (asked) => idle(asked) && commonNoop(asked),
  severity: (asked) => {
    const { load } = cpuAsked(asked);
    // The weights of RAM and CPU in CAPABILITIES ("Guard"), applied to the plainer fields as well.
    const ram = asked.ramMB >= 1_024 ? 0.9 : asked.ramMB >= 256 ? 0.5 : asked.ramMB > 0 ? 0.2 : 0;
    const cpu = asked.throttleThreshold > 0 ? 0 : load >= LOCK_LOAD ? 0.8 : load > 0 ? 0.4 : 0;
    return Math.max(commonSeverity(asked), ram, cpu);
  },
  remarks: (asked) => {
    const remarks = new Set<GuardRemark>(commonRemarks(asked));
    if (asked.ramMB >= 1_024) remarks.add('oom');
    if (asked.throttleThreshold === 0 && cpuAsked(asked).load >= LOCK_LOAD) remarks.add('cpu-lock');
    return [...remarks];
  },
  explain: (asked) => {
    const parts: string[] = [];
    const { load, cores } = cpuAsked(asked);
    if (load > 0) {
      parts.push(`loads ${cores === 0 ? 'every core' : coresInWords(cores)} of this machine to ${percent(load)}`);
    }
    const { holdMB, chunkMB, interval } = ramAsked(asked);
    if (chunkMB > 0) {
      parts.push(`takes ${chunkMB} MB of this machine's memory every ${formatDuration(interval)} up to ${holdMB || RAM_CEILING_MB} MB`);
    }
    else if (holdMB > 0) parts.push(`holds ${holdMB} MB of this machine's memory`);
    if (parts.length === 0) return 'Leaves this machine as it is.';
    const span = asked.latencyDuration > 0 ? ` for ${formatDuration(asked.latencyDuration)}` : '';
    const text = `${parts.join(' and ')}${span}.`;
    return `${text[0]?.toUpperCase()}${text.slice(1)}`;
  },
  platforms: ['linux', 'darwin'],
  privileges: [],
  blastRadius: 2,
  verifyWithin: 10_000,
});

export const coresInWords = (cores: number): string => (cores === 1 ? '1 core' : `${cores} cores`);
export const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`;
