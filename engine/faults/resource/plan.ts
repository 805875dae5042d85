import { z } from 'zod';
import { FirebreakError } from '../../kernel/errors.ts';
import { formatDuration } from '../../kernel/durations.ts';
import { type FaultRequest } from '../../kernel/fault.ts';
import { limitEntry } from '../../host/control-limits.ts';
import { coresInWords, cpuAsked, percent, RAM_CEILING_MB, ramAsked, type ResourceParams } from './manifest.ts';

/** The token finds the children in any process, also after a crash; the rest says what they were asked to do. */
export const resourceUndo = z.object({
  token: z.string().min(8),
  cpu: z.object({ cores: z.int().positive(), load: z.number() }).nullable(),
  /** `spike`: how long it is held at a time, in milliseconds; 0 = until the end. */
  ram: z.object({ cap: z.int().positive(), chunk: z.int().positive(), interval: z.number(), spike: z.number().default(0) }).nullable(),
  limits: z.array(limitEntry).default([]),
  /** Whether caches are dropped, which needs no undo. */
  caches: z.boolean().default(false),
  /** How long the attack lasts, in milliseconds (0 = until reverted), and whether it ends before the fault is reverted. */
  attack: z.number(),
  endsEarly: z.boolean(),
});
export type ResourceUndo = z.infer<typeof resourceUndo>;

/** What the machine has to give, in cores and MB. */
export interface MachineRoom {
  readonly cores: number;
  readonly available: number;
  readonly reserve: number;
  /** What other memory faults of this machine may hold already. */
  readonly taken: number;
}

/**
 * Decides what exactly will be done; changes nothing.
 * @throws FirebreakError `nothing-to-do`, `not-enough-cores`, `ram-ceiling` or `ram-reserve`, each with what would fit.
 */
export function planResource(request: FaultRequest<ResourceParams>, room: MachineRoom, token: string): ResourceUndo {
  const { params } = request;
  const { attack, endsEarly } = attackOf(request);
  const { load, cores } = cpuAsked(params);
  const ram = ramAsked(params);
  if (load === 0 && ram.holdMB === 0 && ram.chunkMB === 0) {
    throw new FirebreakError('nothing-to-do', `policy ${request.policy} asks for neither CPU nor memory`, {
      hint: 'set cpu_load or throttle_threshold for CPU, ram_mb or ram_chunk_mb for memory, or a limit',
    });
  }
  if (cores > room.cores) {
    throw new FirebreakError('not-enough-cores', `policy ${request.policy} asks for ${cores} cores, this machine has ${room.cores}`, {
      hint: `set cpu_cores to at most ${room.cores}, or to 0 for all`,
    });
  }
  return {
    token,
    cpu: load > 0 ? { cores: cores === 0 ? room.cores : cores, load } : null,
    ram: ram.holdMB > 0 || ram.chunkMB > 0 ? planRam(request.policy, ram, attack, room) : null,
    limits: [],
    caches: false,
    attack,
    endsEarly,
  };
}

/** How long the attack lasts: as long as the fault unless it says less. */
export function attackOf({ params, hold }: FaultRequest<ResourceParams>): { readonly attack: number; readonly endsEarly: boolean } {
  const endsEarly = params.latencyDuration > 0 && params.latencyDuration < hold;
  return { attack: endsEarly ? params.latencyDuration : hold, endsEarly };
}

function planRam(
  policy: string,
  asked: ReturnType<typeof ramAsked>,
  attack: number,
  room: MachineRoom,
): NonNullable<ResourceUndo['ram']> {
  const ceiling = Math.max(0, RAM_CEILING_MB - room.taken);
  const free = Math.max(0, Math.floor(room.available - room.reserve));
  // A leak without an end is bounded by what it can reach in its time, so that two of them fit under the ceiling.
  const reach = attack === 0 ? Infinity : asked.chunkMB * (1 + Math.floor(attack / asked.interval));
  const wanted = asked.holdMB > 0 ? asked.holdMB : Math.min(reach, ceiling, free);
  const least = Math.max(wanted, Math.min(asked.chunkMB, asked.holdMB || asked.chunkMB));
  if (least > ceiling) {
    const left = `${ceiling} MB are left of the ${RAM_CEILING_MB} MB that all memory faults may hold`;
    throw new FirebreakError('ram-ceiling', `policy ${policy} asks for ${least} MB; ${left}`, {
      hint: 'ask for less, or wait until the other memory fault has ended',
    });
  }
  if (least > free) {
    const rest = `${Math.floor(room.available)} MB are available and ${Math.ceil(room.reserve)} MB of them stay free`;
    throw new FirebreakError('ram-reserve', `policy ${policy} asks for ${least} MB; ${free} MB can be taken: ${rest}`, {
      hint: 'ask for less memory',
    });
  }
  const leak = asked.chunkMB > 0 && asked.chunkMB < wanted;
  return { cap: wanted, chunk: leak ? asked.chunkMB : wanted, interval: leak || asked.spike > 0 ? asked.interval : 0, spike: asked.spike };
}

/** What inject will do, as one sentence. */
export function describePlan(undo: ResourceUndo): string {
  const parts: string[] = [];
  if (undo.cpu !== null) {
    parts.push(`load ${coresInWords(undo.cpu.cores)} to ${percent(undo.cpu.load)} from a process of its own`);
  }
  if (undo.ram !== null) {
    const { cap, chunk, interval, spike } = undo.ram;
    parts.push(spike > 0 ? `take ${cap} MB of memory for ${formatDuration(spike)} at a time, ${formatDuration(interval)} apart` : interval > 0 ? `take ${chunk} MB of memory every ${formatDuration(interval)} up to ${cap} MB` : `take ${cap} MB of memory`);
  }
  const span = undo.attack > 0 ? `, for ${formatDuration(undo.attack)}` : '';
  return `${parts.join(' and ')}${span}`;
}
