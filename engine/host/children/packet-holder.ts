import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { messageOf } from '../../kernel/errors.ts';
import { appendQueueRules } from '../nft-rule.ts';
import { damage, PacketFates } from '../packet-delays.ts';
import { PacketQueue } from '../packet-queue.ts';
import { type ReaderCount, type ReaderOrder } from '../packet-reader.ts';
import { argument, holdLifeline, report } from './lifeline.ts';

/**
 * Decides over packets of its network namespace: holds them back, lets them overtake, drops them, changes a bit. Started by
 * host/packet-reader.ts with --order (JSON), --token and --hold. When this process ends, however it ends, the kernel drops
 * what waits and lets pass what comes.
 */

/** The longest that the loop waits for packets, so that the lease is seen to; milliseconds. */
const TURN = 20;
/** How often what was done is told, in milliseconds. */
const TELL = 200;
/** What may wait besides the packets' number, in bytes. */
const MOST_BYTES = 64 << 20;
/** Before other programs of this machine: a busy one makes all that waits later still. */
const PRIORITY = -15;

interface Waiting {
  readonly id: number;
  readonly length: number;
  readonly came: number;
  readonly due: number;
  readonly changed: Buffer | undefined;
}

const order = JSON.parse(argument('order')) as Omit<ReaderOrder, 'token' | 'hold'>;
const fates = new Map<number, PacketFates>();
/** By when they are due: what comes later is mostly due later. */
const waiting: Waiting[] = [];
let bytes = 0;
const count = { seen: 0, lost: 0, damaged: 0, early: 0, passed: 0 };
const held = { count: 0, sum: 0, squares: 0 };

/** Whatever is not allowed or not there: then it is one program among others. */
function hurry(): void {
  try {
    setPriority(PRIORITY);
    // Within its session alone a priority counts for little: sessions share the processor evenly, sched(7) "autogroup".
    writeFileSync('/proc/self/autogroup', String(PRIORITY));
  } catch {
    // As said above.
  }
}

function fateOf(hook: number): PacketFates {
  const known = fates.get(hook);
  if (known !== undefined) return known;
  const made = new PacketFates(order.order, order.seed, hook);
  fates.set(hook, made);
  return made;
}

function take(queue: PacketQueue): void {
  for (let packet = queue.next(); packet !== undefined; packet = queue.next()) {
    const { id, hook, length, payload } = packet;
    count.seen++;
    const { lost, delay, early, damaged } = fateOf(hook).next();
    if (lost) {
      count.lost++;
      queue.decide(id, 'drop');
      continue;
    }
    const changed = damaged === undefined ? undefined : damage(payload, damaged);
    if (changed !== undefined) count.damaged++;
    const full = waiting.length >= order.most || bytes + length > MOST_BYTES;
    if (delay === 0 || full) {
      if (early) count.early++;
      else if (full && delay > 0) count.passed++;
      queue.decide(id, 'accept', changed);
      continue;
    }
    const came = performance.now();
    const due = came + delay;
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1]?.due ?? 0) > due) at--;
    waiting.splice(at, 0, { id, length, came, due, changed });
    bytes += length;
  }
}

function release(queue: PacketQueue, all = false): void {
  const now = performance.now();
  let due = 0;
  while (due < waiting.length && (all || (waiting[due]?.due ?? 0) <= now)) due++;
  for (const { id, length, came, changed } of waiting.splice(0, due)) {
    queue.decide(id, 'accept', changed);
    bytes -= length;
    const took = performance.now() - came;
    held.count++;
    held.sum += took;
    held.squares += took * took;
  }
}

function counted(): ReaderCount {
  const mean = held.count === 0 ? 0 : held.sum / held.count;
  return { ...count, waiting: waiting.length, delayed: held.count, mean, deviation: held.count === 0 ? 0 : Math.sqrt(Math.max(0, held.squares / held.count - mean * mean)) };
}

try {
  hurry();
  const queue = new PacketQueue({ whole: order.order.corruption > 0, most: order.most + 1_024 });
  appendQueueRules(order.table, order.chains, queue.number);
  const end = (): never => {
    release(queue, true);
    queue.flush();
    process.exit(0);
  };
  const begin = holdLifeline(() => {}, end);
  process.on('SIGTERM', end);
  setInterval(() => report({ count: counted() }), TELL);
  begin();
  report({ ready: true });
  const turn = (): void => {
    queue.wait(Math.max(0, Math.min(TURN, (waiting[0]?.due ?? Infinity) - performance.now())));
    take(queue);
    release(queue);
    queue.flush();
    setImmediate(turn);
  };
  turn();
} catch (error) {
  report({ problem: messageOf(error) });
}
