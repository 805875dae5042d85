import { z } from 'zod';
import { type NetNamespace, runIn } from './net-namespace.ts';

/** Queueing of one interface as tc(8) shows it. */

const queue = z.object({
  kind: z.string(),
  handle: z.string(),
  parent: z.string().optional(),
  root: z.boolean().optional(),
  ingress_block: z.int().optional(),
  bytes: z.int().default(0),
  packets: z.int().default(0),
  drops: z.int().default(0),
  requeues: z.int().default(0),
  qlen: z.int().default(0),
  options: z.record(z.string(), z.unknown()).default({}),
});
export type Queue = z.infer<typeof queue>;

/** The queues of a device with their counters; the handle of one that the kernel made itself is `0:`. */
export async function queuesOf(namespace: NetNamespace, device: string): Promise<readonly Queue[]> {
  return z.array(queue).parse(JSON.parse(await runIn(namespace, 'tc', ['-s', '-j', 'qdisc', 'show', 'dev', device])));
}

/** The classes of a device, such as `fb00:1230`. */
export async function classesOf(namespace: NetNamespace, device: string): Promise<readonly string[]> {
  const text = await runIn(namespace, 'tc', ['class', 'show', 'dev', device]);
  return [...text.matchAll(/^class \S+ (\S+)/gm)].map(([, id = '']) => id);
}

/** The priorities of the filters below a parent or in a block, each once. */
export async function filtersOf(namespace: NetNamespace, where: readonly string[]): Promise<readonly number[]> {
  const text = await runIn(namespace, 'tc', ['filter', 'show', ...where]);
  return [...new Set([...text.matchAll(/ pref (\d+) /g)].map(([, pref]) => Number(pref)))];
}

/** Everything about the queueing of a device, without what counts; filters on arrival only where asked for. */
export async function queueingText(namespace: NetNamespace, device: string, arrival: boolean): Promise<string> {
  const shown = [
    ['qdisc', 'show', 'dev', device],
    ['class', 'show', 'dev', device],
    ['filter', 'show', 'dev', device],
    ...(arrival ? [['filter', 'show', 'dev', device, 'ingress']] : []),
  ];
  const texts = await Promise.all(shown.map((args) => runIn(namespace, 'tc', args)));
  return texts.join('').replace(/ refcnt \d+| direct_packets_stat \d+/g, '').split('\n').map((line) => line.trimEnd()).filter((line) => line !== '').join('\n');
}
