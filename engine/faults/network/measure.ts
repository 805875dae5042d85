import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Clock } from '../../kernel/clock.ts';
import { formatDuration } from '../../kernel/durations.ts';
import { type Effect, type EffectFigure } from '../../kernel/fault.ts';
import { type NetNamespace, runIn } from '../../host/net-namespace.ts';
import { countersOf } from '../../host/nft.ts';
import { type Queue, queuesOf } from '../../host/tc.ts';
import { type Blueprint, hex, ifbOf, type Lane, tableOf } from './blueprint.ts';

/** What the kernel has counted of one fault, over all its lanes. */
interface Count {
  readonly seen: number;
  readonly lost: number;
  /** Packets that netem let go ahead of others; it counts them as requeued. */
  readonly reordered: number;
  /** Bytes that have gone through queues with a rate; how many packets wait there now. */
  readonly bytes: number;
  readonly waiting: number;
  /** The delay that the kernel says it gives, in milliseconds; undefined where nothing delays. */
  readonly delay: number | undefined;
}
const NOTHING: Count = { seen: 0, lost: 0, reordered: 0, bytes: 0, waiting: 0, delay: undefined };

async function countOf(plan: Blueprint, namespace: NetNamespace, device: string): Promise<Count> {
  const counts = await Promise.all(plan.lanes.map((lane) => countLane(plan, lane, namespace, device)));
  return counts.reduce((sum, one) => ({
    seen: sum.seen + one.seen, lost: sum.lost + one.lost, reordered: sum.reordered + one.reordered, bytes: sum.bytes + one.bytes, waiting: sum.waiting + one.waiting,
    delay: one.delay ?? sum.delay,
  }), NOTHING);
}

async function countLane(plan: Blueprint, lane: Lane, namespace: NetNamespace, device: string): Promise<Count> {
  const queue = lane.queue === null ? undefined : await leafOf(plan, lane, namespace, device);
  const counters = lane.rules === null ? [] : await countersOf(namespace, { family: plan.family, name: tableOf(plan) });
  const packets = (name: string): number => counters.find((counter) => counter.name === `${name}_${lane.hook}`)?.packets ?? 0;
  const inQueue = queue === undefined ? 0 : queue.packets + queue.drops + queue.qlen;
  return {
    seen: lane.rules === null ? inQueue : packets('seen'),
    lost: lane.rules === null ? (queue?.drops ?? 0) : packets('dropped'),
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

/** How often a connection is opened for one figure, at the most; so many each time, and how long that may take, in milliseconds. */
const ENOUGH_SAMPLES = 30;
const SAMPLES = 5;
const BEFORE_WITHIN = 2_000;
const DURING_WITHIN = 60_000;
const probeScript = fileURLToPath(new URL('../../host/children/connect-times.ts', import.meta.url));

/** How long connections to the probe's address take now, in milliseconds; those that fail are left out. */
export async function connectTimes(plan: Blueprint, namespace: NetNamespace, within = BEFORE_WITHIN): Promise<readonly number[]> {
  if (plan.probe === null) return [];
  const { host, port } = plan.probe;
  const args = ['--disable-warning=ExperimentalWarning', probeScript, host, String(port), String(SAMPLES), String(within)];
  return z.array(z.number()).parse(JSON.parse(await runIn(namespace, process.execPath, args, '', within + START_WITHIN).catch(() => '[]')));
}
/** A process of Node starts in 0.1 s, on a busy machine in some seconds. */
const START_WITHIN = 10_000;

/** Watches one fault for as long as it is held. */
export class Meter {
  readonly #plan: Blueprint;
  readonly #namespace: NetNamespace;
  readonly #clock: Clock;
  readonly #before: readonly number[];
  readonly #during: number[] = [];
  #probing = false;
  #window: { readonly at: number; readonly bytes: number } | undefined;
  #fullMs = 0;
  #fullBytes = 0;
  #windows = 0;
  #wasFull = false;

  constructor(plan: Blueprint, namespace: NetNamespace, clock: Clock, before: readonly number[]) {
    this.#plan = plan;
    this.#namespace = namespace;
    this.#clock = clock;
    this.#before = before;
  }

  async look(device: string): Promise<Effect> {
    const { lanes } = this.#plan;
    this.#sample();
    const count = await countOf(this.#plan, this.#namespace, device);
    this.#follow(count);
    const netem = lanes.find(({ queue }) => queue?.netem != null)?.queue?.netem ?? null;
    const rules = lanes.find((lane) => lane.rules !== null)?.rules ?? null;
    const rate = lanes.find(({ queue }) => queue?.rate != null)?.queue?.rate ?? rules?.police ?? null;
    const loss = rules?.cut != null ? 1 : Math.max(netem?.loss ?? 0, rules?.loss ?? 0);
    const figures: EffectFigure[] = [];
    const bites: boolean[] = [count.seen > 0];
    if (netem !== null && netem.latency > 0) {
      figures.push(...this.#late(netem.latency, netem.jitter));
      bites.push(Math.abs((count.delay ?? 0) - netem.latency) <= Math.max(0.01, netem.latency / 1_000));
    }
    if (loss > 0) {
      figures.push({ name: 'loss', unit: 'ratio', requested: loss, delivered: count.seen === 0 ? null : count.lost / count.seen, samples: count.seen });
      bites.push(count.lost > 0);
    }
    if (netem !== null && netem.reordering > 0) {
      figures.push({ name: 'reordering', unit: 'ratio', requested: netem.reordering, delivered: count.seen === 0 ? null : count.reordered / count.seen, samples: count.seen });
    }
    // The kernel counts neither; only who receives could tell.
    for (const name of ['duplication', 'corruption'] as const) {
      if (netem !== null && netem[name] > 0) figures.push({ name, unit: 'ratio', requested: netem[name], delivered: null, samples: 0 });
    }
    if (rate !== null) {
      figures.push({ name: 'rate', unit: 'KB/s', requested: rate / 8_000, delivered: this.#fullMs === 0 ? null : this.#fullBytes / this.#fullMs, samples: this.#windows });
      bites.push(this.#wasFull || (rules?.police != null && count.lost > 0));
    }
    const passed = `${count.seen} packets of ${device} were struck${count.lost > 0 ? `, ${count.lost} of them dropped` : ''}`;
    const limit = rate !== null && !this.#wasFull ? '; they do not reach the limit' : '';
    const measured = this.#during.length === 0 ? '' : `; connections took ${formatDuration(Math.round(median(this.#before)))} before and take ${formatDuration(Math.round(median(this.#during)))} now`;
    return { bitten: bites.every(Boolean), detail: count.seen === 0 ? `no packet of ${device} was one of those yet` : `${passed}${count.delay === undefined ? '' : `; the kernel delays by ${formatDuration(Math.round(count.delay * 1_000) / 1_000)}`}${limit}${measured}`, figures };
  }

  /** Beside the looks: a connection may take as long as the fault delays it. */
  #sample(): void {
    if (this.#plan.probe === null || this.#probing || this.#during.length >= ENOUGH_SAMPLES) return;
    this.#probing = true;
    void connectTimes(this.#plan, this.#namespace, DURING_WITHIN).then((took) => {
      this.#during.push(...took);
      this.#probing = false;
    });
  }

  /** A rate can be told only while more wants to pass than may. */
  #follow(count: Count): void {
    const now = this.#clock.now();
    const full = count.waiting > 0;
    if (full && this.#window !== undefined) {
      this.#fullMs += now - this.#window.at;
      this.#fullBytes += count.bytes - this.#window.bytes;
      this.#windows++;
    }
    this.#wasFull ||= full;
    this.#window = full ? { at: now, bytes: count.bytes } : undefined;
  }

  #late(latency: number, jitter: number): readonly EffectFigure[] {
    const samples = Math.min(this.#before.length, this.#during.length);
    const delivered = samples === 0 ? null : median(this.#during) - median(this.#before);
    // A connection is open after one round trip, which is struck once in each lane that has a queue.
    const times = this.#plan.lanes.filter(({ queue }) => queue?.netem != null).length;
    const figures: EffectFigure[] = [{ name: 'latency', unit: 'ms', requested: latency * times, delivered, samples: this.#during.length }];
    // Evenly spread over twice the jitter: its standard deviation is jitter / √3.
    if (jitter > 0) figures.push({ name: 'jitter', unit: 'ms', requested: jitter, delivered: this.#during.length < 10 ? null : deviation(this.#during) * Math.sqrt(3 / times), samples: this.#during.length });
    return figures;
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length === 0 ? 0 : ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
