import { readdirSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { keyedRandom } from '../../kernel/random.ts';
import { isPlainWrite, touchedBy } from '../call-kinds.ts';
import { CELL, type TraceOrder } from '../call-tracer.ts';
import { isStill } from '../disk-place.ts';
import { stateOf } from '../identity.ts';
import { isRegular, linkOr } from '../open-files.ts';
import { openTracer, type Stop } from '../ptrace.ts';

/** The thread that traces: every call of ptrace(2) comes from here. Started by call-tracer.ts with the order and shared cells. */

const { order, cells } = workerData as { readonly order: TraceOrder; readonly cells: Int32Array };
const tracer = openTracer();
const add = (cell: keyof typeof CELL, by = 1): number => Atomics.add(cells, CELL[cell], by);
const ending = (): boolean => Atomics.load(cells, CELL.ending) !== 0;
/** Threads in a write that was cut, each with the length that the program asked for. */
const cut = new Map<number, number>();
/** Threads that wait, with the time at which their wait is over; all wait for the same time. */
const held = new Map<number, { readonly since: number; readonly error: number }>();
/** What waits is looked at so often, in milliseconds. */
const TICK = 1;

function threadsOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/** Takes hold of every thread; one that is made meanwhile is made by a thread that is held, or found in the next round. */
function seizeAll(): Set<number> {
  const seized = new Set<number>();
  const pids = order.targets.filter((one) => stateOf(one) !== 'dead').map(({ pid }) => pid);
  for (let found = true; found; ) {
    found = false;
    for (const thread of pids.flatMap(threadsOf)) {
      if (seized.has(thread) || !tracer.seize(thread)) continue;
      seized.add(thread);
      found = true;
    }
  }
  return seized;
}

/** Whether a call is one that is meant: it does what was named to a regular file below the folder. */
function isMeant({ thread, number, args }: Extract<Stop, { what: 'entry' }>): boolean {
  if (order.part !== null && !(isPlainWrite(number) && (args[2] ?? 0) > 1)) return false;
  return touchedBy({ number, args }).some(({ fd, kind }) => {
    if (order.operation !== 'any' && order.operation !== kind) return false;
    const link = `/proc/${thread}/fd/${fd}`;
    return linkOr(link).startsWith(`${order.folder.path}/`) && isRegular(link) && isStill(order.folder);
  });
}

function entered(stop: Extract<Stop, { what: 'entry' }>): void {
  const { thread, args } = stop;
  if (!ending() && isMeant(stop)) {
    const index = add('matched');
    if ((index + 1) % order.every === 0 && (order.probability >= 1 || keyedRandom(order.seed, 1, index) < order.probability)) {
      add('struck');
      if (order.part !== null) cutShort(thread, args[2] ?? 0, order.part);
      else if (order.delay > 0) return void held.set(thread, { since: performance.now(), error: order.error });
      else tracer.fail(thread, order.error);
    }
  }
  tracer.resume(thread);
}

function cutShort(thread: number, count: number, part: number): void {
  const taken = Math.max(1, Math.floor(count * part));
  add('open');
  cut.set(thread, count);
  add('asked', count);
  add('taken', taken);
  tracer.setCount(thread, taken);
}

/** The program may rely on its registers: the kernel never changes this one. */
function left(thread: number): void {
  const count = cut.get(thread);
  if (count !== undefined) tracer.setCount(thread, count);
  forget(thread);
  tracer.resume(thread);
}

function forget(thread: number): void {
  if (cut.delete(thread)) add('open', -1);
}

function letGo(): void {
  for (const [thread, { since, error }] of held) {
    const waited = performance.now() - since;
    if (waited < order.delay && !ending()) return;
    held.delete(thread);
    add('delayed');
    add('waited', Math.round(waited));
    if (error !== 0 && !ending()) tracer.fail(thread, error);
    tracer.resume(thread);
  }
}

const starting = seizeAll();
if (starting.size === 0) throw new Error('the processes have ended');
let ready = false;
for (;;) {
  if (!ready && starting.size === 0) {
    ready = true;
    parentPort?.postMessage({ ready });
  }
  letGo();
  const stop = tracer.next(held.size === 0);
  if (stop === 'none') break;
  if (stop === undefined) {
    Atomics.wait(cells, CELL.ending, 0, TICK);
    continue;
  }
  starting.delete(stop.thread);
  if (stop.what === 'entry') entered(stop);
  else if (stop.what === 'exit') left(stop.thread);
  else if (stop.what === 'ended') {
    forget(stop.thread);
    held.delete(stop.thread);
  }
}
parentPort?.postMessage({ ready: true, ended: true });
