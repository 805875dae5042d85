import { z } from 'zod';
import { type Held } from '../../host/held.ts';
import { type NetNamespace } from '../../host/net-namespace.ts';
import { countersOf } from '../../host/nft.ts';
import { type ReaderCount } from '../../host/packet-reader.ts';
import { type Queue, queuesOf } from '../../host/tc.ts';
import { type Blueprint, hex, ifbOf, type Lane, tableOf } from './blueprint.ts';

/** What was counted of one fault, over all its lanes: by the kernel, and by the program that holds packets where there is one. */
export interface Count {
  readonly seen: number;
  readonly lost: number;
  /** Packets that went ahead of others; netem counts them as requeued. */
  readonly reordered: number;
  /** Packets with a bit changed; undefined where nobody counts them. */
  readonly damaged: number | undefined;
  /** Bytes that have gone through queues with a rate; how many packets wait there now. */
  readonly bytes: number;
  readonly waiting: number;
  /** The delay that the kernel says it gives, in milliseconds; undefined where nothing delays. */
  readonly delay: number | undefined;
  /** What the program has done; undefined where there is none. */
  readonly reader: ReaderCount | undefined;
}
const NOTHING: Count = { seen: 0, lost: 0, reordered: 0, damaged: undefined, bytes: 0, waiting: 0, delay: undefined, reader: undefined };

export async function countOf(plan: Blueprint, namespace: NetNamespace, device: string, held?: Held): Promise<Count> {
  const counts = await Promise.all(plan.lanes.map((lane) => countLane(plan, lane, namespace, device)));
  const kernel = counts.reduce<Count>((sum, one) => ({
    ...sum, seen: sum.seen + one.seen, lost: sum.lost + one.lost, reordered: sum.reordered + one.reordered, bytes: sum.bytes + one.bytes, waiting: sum.waiting + one.waiting,
    delay: one.delay ?? sum.delay,
  }), NOTHING);
  const reader = held?.news.get('count') as ReaderCount | undefined;
  return reader === undefined ? kernel : { ...kernel, lost: kernel.lost + reader.lost, reordered: reader.early, damaged: reader.damaged, reader };
}

async function countLane(plan: Blueprint, lane: Lane, namespace: NetNamespace, device: string): Promise<Omit<Count, 'damaged' | 'reader'>> {
  const queue = lane.queue === null ? undefined : await leafOf(plan, lane, namespace, device);
  const counters = lane.rules === null ? [] : await countersOf(namespace, { family: plan.family, name: tableOf(plan) });
  const packets = (name: string): number => counters.find((counter) => counter.name === `${name}_${lane.hook}`)?.packets ?? 0;
  const inQueue = queue === undefined ? 0 : queue.packets + queue.drops + queue.qlen;
  return {
    seen: lane.rules === null ? inQueue : packets('seen'),
    lost: packets('dropped') + (lane.rules === null ? (queue?.drops ?? 0) : 0),
    reordered: queue?.requeues ?? 0,
    bytes: queue?.bytes ?? 0,
    waiting: queue?.qlen ?? 0,
    delay: delayOf(queue),
  };
}

/** As `tc -j` says it, in seconds. */
const told = z.object({ delay: z.object({ delay: z.number() }) });
function delayOf(queue: Queue | undefined): number | undefined {
  const read = told.safeParse(queue?.options);
  return read.success ? read.data.delay.delay * 1_000 : undefined;
}

/** The queue of a fault has its mark as handle, on the interface or on the fault's own. */
async function leafOf(plan: Blueprint, { hook }: Lane, namespace: NetNamespace, device: string): Promise<Queue | undefined> {
  const queues = await queuesOf(namespace, hook === 'egress' ? device : ifbOf(plan));
  return queues.find(({ handle }) => handle === `${hex(plan.mark)}:`);
}
