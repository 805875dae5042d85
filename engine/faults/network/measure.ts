import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type Clock } from '../../kernel/clock.ts';
import { formatDuration } from '../../kernel/durations.ts';
import { type Effect, type EffectFigure } from '../../kernel/fault.ts';
import { damagedPackets } from '../../host/net-errors.ts';
import { type NetNamespace, runIn } from '../../host/net-namespace.ts';
import { type Held } from '../../host/held.ts';
import { type Blueprint, type Netem } from './blueprint.ts';
import { type Count, countOf } from './counts.ts';
import { takesTcp } from './packets.ts';

/** How often a connection is opened for one figure, at the most; so many each time, and how long that may take, in milliseconds. */
const ENOUGH_SAMPLES = 30;
const SAMPLES = 5;
const BEFORE_WITHIN = 2_000;
const DURING_WITHIN = 60_000;
const probeScript = fileURLToPath(new URL('../../host/children/connect-times.ts', import.meta.url));

/** How long connections to the probe's address take now, in milliseconds; those that fail are left out. */
export async function connectTimes(plan: Pick<Blueprint, 'probe'>, namespace: NetNamespace, within = BEFORE_WITHIN): Promise<readonly number[]> {
  if (plan.probe === null) return [];
  const { host, port } = plan.probe;
  const args = ['--disable-warning=ExperimentalWarning', probeScript, host, String(port), String(SAMPLES), String(within)];
  try {
    return z.array(z.number()).parse(JSON.parse(await runIn(namespace, process.execPath, args, '', within + START_WITHIN)));
  } catch {
    return []; // whatever became of the process, it has not measured anything
  }
}
/** A process of Node starts in 0.1 s, on a busy machine in some seconds. */
const START_WITHIN = 10_000;

/** Watches one fault for as long as it is held. */
export class Meter {
  readonly #plan: Blueprint;
  readonly #namespace: NetNamespace;
  readonly #clock: Clock;
  readonly #before: readonly number[];
  readonly #damagedBefore: number;
  readonly #during: number[] = [];
  #probing = false;
  #window: { readonly at: number; readonly bytes: number } | undefined;
  #fullMs = 0;
  #fullBytes = 0;
  #windows = 0;
  #wasFull = false;

  /** @param before how long connections took, and how many packets had arrived that were not as they were sent. */
  constructor(plan: Blueprint, namespace: NetNamespace, clock: Clock, before: { readonly times: readonly number[]; readonly damaged: number }) {
    this.#plan = plan;
    this.#namespace = namespace;
    this.#clock = clock;
    this.#before = before.times;
    this.#damagedBefore = before.damaged;
  }

  /** @param held the program that packets are left to, where there is one. */
  async look(device: string, held?: Held): Promise<Effect> {
    const { lanes } = this.#plan;
    this.#sample();
    const count = await countOf(this.#plan, this.#namespace, device, held);
    this.#follow(count);
    const holding = lanes.some(({ reader }) => reader !== null);
    const asked = lanes.map(({ queue, reader }) => reader?.netem ?? queue?.netem ?? null).find((one) => one !== null) ?? null;
    const doubled = lanes.find((lane) => lane.copies !== null)?.copies?.share ?? asked?.duplication ?? 0;
    const rules = lanes.find((lane) => lane.rules !== null)?.rules ?? null;
    const rate = lanes.find(({ queue }) => queue?.rate != null)?.queue?.rate ?? rules?.police ?? null;
    const loss = rules?.cut != null ? 1 : Math.max(asked?.loss ?? 0, rules?.loss ?? 0);
    const figures: EffectFigure[] = [];
    const bites: boolean[] = [count.seen > 0, !holding || held?.alive === true];
    if (asked !== null && asked.latency > 0) {
      figures.push(...this.#late(asked, count));
      bites.push(holding ? (count.reader?.delayed ?? 0) > 0 : Math.abs((count.delay ?? 0) - asked.latency) <= Math.max(0.01, asked.latency / 1_000));
    }
    const share = (name: string, requested: number, counted: number | undefined, of: number): void => {
      const known = counted !== undefined && of > 0;
      figures.push({ name, unit: 'ratio', requested, delivered: known ? counted / of : null, samples: known ? of : 0 });
    };
    // What the program has told is a little older than what the kernel counts.
    const read = count.reader?.seen ?? count.seen;
    if (loss > 0) {
      share('loss', loss, count.lost, rules?.loss === 0 && rules.cut === null ? read : count.seen);
      bites.push(count.lost > 0);
    }
    if (asked !== null && asked.reordering > 0) share('reordering', asked.reordering, count.reordered, read);
    if (doubled > 0) {
      const { made, of } = count.copies ?? { made: 0, of: 0 };
      figures.push({ name: 'duplication', unit: 'ratio', requested: doubled, delivered: of === 0 ? null : made / of, samples: Math.round(of) });
      bites.push(of === 0 || made > 0);
    }
    if (asked !== null && asked.corruption > 0) {
      // netem counts none: who receives does, where that is this namespace, unless its network card has checked the sums already.
      const damaged = count.damaged ?? ((await this.#damagedHere()) || undefined);
      share('corruption', asked.corruption, damaged, read);
      bites.push(damaged !== 0);
    }
    if (rate !== null) {
      figures.push({ name: 'rate', unit: 'KB/s', requested: rate / 8_000, delivered: this.#fullMs === 0 ? null : this.#fullBytes / this.#fullMs, samples: this.#windows });
      bites.push(this.#wasFull || (rules?.police != null && count.lost > 0));
    }
    return { bitten: bites.every(Boolean), detail: this.#inWords(device, count, rate !== null, holding && held?.alive !== true), figures };
  }

  /** What is struck arrives in this namespace: on its way in, or over the loopback. */
  async #damagedHere(): Promise<number> {
    const { lanes, device: { name } } = this.#plan;
    const here = lanes.every(({ hook }) => hook === 'ingress') || name === 'lo';
    return here ? (await damagedPackets(this.#namespace)) - this.#damagedBefore : 0;
  }

  #inWords(device: string, { seen, lost, delay, reader }: Count, limited: boolean, ended: boolean): string {
    const late = reader !== undefined && reader.delayed > 0 ? `; they were held for ${formatDuration(Math.round(reader.mean * 10) / 10)}` : '';
    return [
      seen === 0 ? `no packet of ${device} was one of those yet` : `${seen} packets of ${device} were struck${lost > 0 ? `, ${lost} of them dropped` : ''}`,
      ended && '; the program that holds them has ended: they pass',
      seen > 0 && late,
      seen > 0 && (reader?.passed ?? 0) > 0 && `; ${reader?.passed} found no room and passed at once`,
      seen > 0 && delay !== undefined && `; the kernel delays by ${formatDuration(Math.round(delay * 1_000) / 1_000)}`,
      seen > 0 && limited && !this.#wasFull && '; they do not reach the limit',
      seen > 0 && this.#during.length > 0 && `; connections took ${formatDuration(Math.round(median(this.#before)))} before and take ${formatDuration(Math.round(median(this.#during)))} now`,
    ].filter((part) => typeof part === 'string').join('');
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

  /** By connections where there is a probe, else by how long the program has held packets; netem tells nothing of its own. */
  #late({ latency, jitter }: Netem, { reader }: Count): readonly EffectFigure[] {
    const probed = Math.min(this.#before.length, this.#during.length) > 0;
    // A connection is open after one round trip, which is struck once in each lane that delays.
    const times = probed ? this.#plan.lanes.filter((lane) => (lane.queue?.netem != null || lane.reader !== null) && takesTcp(lane)).length : 1;
    const held = reader !== undefined && reader.delayed > 0 ? reader : undefined;
    const [delivered, deviated, samples] = probed
      ? [median(this.#during) - median(this.#before), this.#during.length < 10 ? null : deviation(this.#during), this.#during.length]
      : [held?.mean ?? null, held?.deviation ?? null, held?.delayed ?? 0];
    const figures: EffectFigure[] = [{ name: 'latency', unit: 'ms', requested: latency * times, delivered, samples }];
    // Evenly spread over twice the jitter: its standard deviation is jitter / √3.
    if (jitter > 0) figures.push({ name: 'jitter', unit: 'ms', requested: jitter, delivered: deviated === null ? null : deviated * Math.sqrt(3 / times), samples });
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
