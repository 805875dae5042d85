import { z } from 'zod';
import { type Held } from '../../host/held.ts';
import { type NetNamespace } from '../../host/net-namespace.ts';
import { type Counter, countersOf } from '../../host/nft.ts';
import { type ReaderCount } from '../../host/packet-reader.ts';
import { type Queue, queuesOf } from '../../host/tc.ts';
import { type Blueprint, copiesByRule, hex, ifbOf, type Lane, tableOf } from './blueprint.ts';

/** Copies, and of how many packets. */
interface Copies {
  readonly made: number;
  readonly of: number;
}

/** What was counted of one fault, over all its lanes: by the kernel, and by the program that holds packets where there is one. */
export interface Count {
  readonly seen: number;
  readonly lost: number;
  /** Packets that went ahead of others; netem counts them as requeued. */
  readonly reordered: number;
  /** Packets with a bit changed, and copies; undefined where nobody counts them. */
  readonly damaged: number | undefined;
  readonly copies: Copies | undefined;
  /** Bytes that have gone through queues with a rate; how many packets wait there now. */
  readonly bytes: number;
  readonly waiting: number;
  /** The delay that the kernel says it gives, in milliseconds; undefined where nothing delays. */
  readonly delay: number | undefined;
  /** What the program has done; undefined where there is none. */
  readonly reader: ReaderCount | undefined;
}
const NOTHING: Count = { seen: 0, lost: 0, reordered: 0, damaged: undefined, copies: undefined, bytes: 0, waiting: 0, delay: undefined, reader: undefined };

export async function countOf(plan: Blueprint, namespace: NetNamespace, device: string, held?: Held): Promise<Count> {
  const counts = await Promise.all(plan.lanes.map((lane) => countLane(plan, lane, namespace, device)));
  const kernel = counts.reduce<Count>((sum, one) => ({
    ...sum, seen: sum.seen + one.seen, lost: sum.lost + one.lost, reordered: sum.reordered + one.reordered, bytes: sum.bytes + one.bytes, waiting: sum.waiting + one.waiting,
    copies: both(sum.copies, one.copies), delay: one.delay ?? sum.delay,
  }), NOTHING);
  const reader = held?.news.get('count') as ReaderCount | undefined;
  return reader === undefined ? kernel : { ...kernel, lost: kernel.lost + reader.lost, reordered: reader.early, damaged: reader.damaged, reader };
}

async function countLane(plan: Blueprint, lane: Lane, namespace: NetNamespace, device: string): Promise<Omit<Count, 'damaged' | 'reader'>> {
  const early = await copiesOf(plan, lane, namespace);
  const queue = lane.queue === null ? undefined : await leafOf(plan, lane, namespace, device);
  const late = await copiesOf(plan, lane, namespace);
  const counters = lane.rules === null ? [] : await countersOf(namespace, { family: plan.family, name: tableOf(plan) });
  const packets = packetsOf(counters, lane);
  const inQueue = queue === undefined ? 0 : queue.packets + queue.drops + queue.qlen;
  const copies = madeOf(early, late, copiesByRule(lane) ? undefined : inQueue);
  return {
    seen: lane.rules === null ? (copies?.of ?? inQueue) : packets('seen'),
    lost: packets('dropped') + (lane.rules === null ? (queue?.drops ?? 0) : 0),
    reordered: queue?.requeues ?? 0,
    copies,
    bytes: queue?.bytes ?? 0,
    waiting: queue?.qlen ?? 0,
    delay: delayOf(queue),
  };
}

const packetsOf = (counters: readonly Counter[], { hook }: Lane) => (name: string): number => counters.find((counter) => counter.name === `${name}_${hook}`)?.packets ?? 0;

/** Packets as they came, and with the copies; undefined where that cannot be told. */
async function copiesOf(plan: Blueprint, lane: Lane, namespace: NetNamespace): Promise<Record<'origin' | 'before' | 'long', number> | undefined> {
  if (lane.copies === null) return undefined;
  const name = tableOf(plan);
  const of = async (family: string) => packetsOf(await countersOf(namespace, { family, name }), lane);
  const [after, origin] = [await of('netdev'), copiesByRule(lane) ? (await of('inet'))('origin') : 0];
  return { origin, before: after('before'), long: after('long') };
}

/**
 * Copies that a rule made are counted where it is, and not at the hook before; those of netem are what is in its queue beyond
 * what came, before and after that was looked at. Packets that are counted in parts there tell nothing.
 */
function madeOf(early: Awaited<ReturnType<typeof copiesOf>>, late: typeof early, inQueue: number | undefined): Copies | undefined {
  if (early === undefined || late === undefined || late.long > 0) return undefined;
  if (inQueue === undefined) return { made: late.before - late.origin, of: late.origin };
  const of = (early.before + late.before) / 2;
  return { made: Math.max(0, inQueue - of), of };
}
const both = (a: Copies | undefined, b: Copies | undefined): Copies | undefined => (a === undefined || b === undefined ? (a ?? b) : { made: a.made + b.made, of: a.of + b.of });

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
