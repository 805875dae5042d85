import { z } from 'zod';
import { isAbsolute } from 'node:path';
import { FirebreakError } from '../../kernel/errors.ts';
import { isMemoryFile } from '../../host/container-memory.ts';
import { isPodmanGroup } from '../../host/podman-limits.ts';
import { parseSelector, type Selector } from './selector.ts';

const network = z.object({
  id: z.string().min(1),
  name: z.string(),
  as: z.object({
    IPAMConfig: z.record(z.string(), z.unknown()).nullable(),
    Links: z.array(z.string()),
    Aliases: z.array(z.string()),
    DriverOpts: z.record(z.string(), z.string()),
  }),
});
export type NetworkPrior = z.infer<typeof network>;

const limit = z.object({
  name: z.enum(['NanoCpus', 'CpuQuota', 'Memory', 'PidsLimit']),
  /** As the engine told it; 0 and less is no limit. */
  was: z.number(),
  set: z.number(),
});
export type LimitPrior = z.infer<typeof limit>;

/** What must be known to undo what is done to one container. */
const prior = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pause') }),
  z.object({ kind: z.literal('down') }),
  z.object({ kind: z.literal('disconnect'), networks: z.array(network).min(1) }),
  z.object({
    kind: z.literal('limit'),
    limits: z.array(limit),
    /** A limit that the engine could not take off again is set in the container's control group. */
    memory: z.object({ file: z.string().refine(isMemoryFile, 'expected the memory limit of a container'), was: z.string(), set: z.string() }).nullable(),
    /** Podman's own API sets them, and the kernel tells them, by this control group; null for Docker. */
    group: z.string().refine(isPodmanGroup, "expected the control group of one of Podman's containers").nullable().default(null),
  }),
  z.object({ kind: z.literal('stress'), token: z.string().min(8), exec: z.string() }),
]);
export type Prior = z.infer<typeof prior>;
export type PriorOf<Kind extends Prior['kind']> = Extract<Prior, { kind: Kind }>;

const touched = z.object({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string(),
  /** When it was started, as the engine tells it: the same id with another time has been restarted. */
  started: z.string().min(1),
  prior,
});
export type Touched = z.infer<typeof touched>;

/** Every container that is or is about to be touched. Written before that. */
export const containerUndo = z.object({
  token: z.string().min(8),
  socket: z.string().refine(isAbsolute, 'expected the path of a socket'),
  /** True from just before the engine is asked: until then nothing was touched; from then on it may come to pass even after a crash. */
  asked: z.boolean(),
  touched: z.array(touched),
});
export type ContainerUndo = z.infer<typeof containerUndo>;

/** @throws FirebreakError `bad-target` */
export function selectorOf(target: string): Selector {
  const selector = parseSelector(target);
  if ('error' in selector) throw new FirebreakError('bad-target', selector.error, { hint: 'write for example name:web' });
  return selector;
}
