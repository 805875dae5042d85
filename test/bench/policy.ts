import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { compileSnapshot, decide, type Snapshot, type WirePolicy } from '../../engine/policy/snapshot.ts';
import { createShared } from '../../engine/wire/shared.ts';
import { Tap } from '../../engine/wire/tap.ts';
import { wirePolicy } from '../support/policy.ts';
import { type Figure, quantile } from './figure.ts';

/**
 * Operations in one round: a single boxed number for each (16 bytes) shows as 32 MB, and one in 1,600 operations still
 * shows in the second decimal. Below that is what Node itself takes meanwhile, some 6 KB a round whatever is timed.
 */
const OPERATIONS = 2_000_000;
/** Reading the heap takes some itself: a round is compared with a short one, so that only the slope counts. */
const FEW = 1_000;
const ROUNDS = 7;
/** Several paths in turn, so that nothing about one path can be worked out once and kept. */
const PATHS = 16;

interface Measured {
  readonly ns: number;
  readonly bytes: number;
}

const policy = (target: string, index: number): WirePolicy =>
  wirePolicy({
    id: `f-${index}`,
    name: `policy-${index}`,
    target,
    latencyChance: 0.3,
    latencyMs: 5,
    errorChance: 0.1,
    errorCode: 503,
  });

/** Half exact, half prefix targets; every path below `/api/v1/service…` that `hits` gives is taken by one of them. */
const snapshotOf = (count: number): Snapshot =>
  compileSnapshot(
    Array.from({ length: count }, (_, index) =>
      policy(index % 2 === 0 ? `/api/v1/service${index}/orders` : `/api/v1/service${index}*`, index),
    ),
  );
const hits = (count: number): Buffer[] =>
  Array.from({ length: PATHS }, (_, turn) => {
    const index = (turn * 37) % count;
    return Buffer.from(
      index % 2 === 0 ? `/api/v1/service${index}/orders?page=2` : `/api/v1/service${index}/orders/123?page=2`,
    );
  });
const misses: readonly Buffer[] = Array.from({ length: PATHS }, (_, turn) =>
  Buffer.from(`/api/v1/customers/${turn * 7_919}/orders?page=2`),
);

/**
 * What one operation costs, as the median of rounds: CPU time with the loop around it, and bytes by the growth of the
 * used heap. The young generation of this process is larger than anything that a round could allocate, and a round
 * during which the collector ran is thrown away, so that no garbage is swept out of the figure.
 */
async function measure(operation: (turn: number) => number): Promise<Measured> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => void (collections += list.getEntries().length));
  observer.observe({ entryTypes: ['gc'] });
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('the policy bench needs node --expose-gc');
  const rounds: Measured[] = [];
  spin(operation, OPERATIONS);
  spin(operation, OPERATIONS);
  for (let attempt = 0; attempt < ROUNDS * 3 && rounds.length < ROUNDS; attempt++) {
    collect();
    await turn();
    await turn();
    const before = collections;
    const few = span(operation, FEW);
    const many = span(operation, OPERATIONS);
    await turn();
    await turn();
    if (collections === before)
      rounds.push({ ns: (many.ms * 1e6) / OPERATIONS, bytes: (many.bytes - few.bytes) / (OPERATIONS - FEW) });
  }
  observer.disconnect();
  if (rounds.length === 0)
    throw new Error('the collector ran in every round; give the process a larger young generation');
  const median = (pick: (round: Measured) => number): number => quantile(rounds.map(pick), 0.5);
  return { ns: median(({ ns }) => ns), bytes: median(({ bytes }) => bytes) };
}

function span(
  operation: (turn: number) => number,
  operations: number,
): { readonly ms: number; readonly bytes: number } {
  const heap = process.memoryUsage().heapUsed;
  // CPU time of this thread: what an operation costs, without the time that other programs had the processor.
  const before = process.threadCpuUsage();
  spin(operation, operations);
  const used = process.threadCpuUsage(before);
  const ms = (used.user + used.system) / 1_000;
  return { ms, bytes: process.memoryUsage().heapUsed - heap };
}

let sink = 0;
function spin(operation: (turn: number) => number, operations: number): void {
  let sum = 0;
  for (let turn = 0; turn < operations; turn++) sum = (sum + operation(turn)) | 0;
  sink ^= sum;
}

/** The decision on one message as the wire takes it: gate, match, then the dice of every policy that matched. */
function decision(snapshot: Snapshot, paths: readonly Buffer[]): (turn: number) => number {
  const out = new Int32Array(Math.max(1, snapshot.policies.length));
  return (turn) => {
    if (!snapshot.gate('http', 'payments')) return 0;
    const path = paths[turn % PATHS] as Buffer;
    const count = snapshot.match('http', 'payments', path, 0, path.length, out);
    let decided = count;
    for (let i = 0; i < count; i++)
      decided += decide(snapshot.policies[out[i] as number] as Snapshot['policies'][number], turn);
    return decided;
  };
}

/** Nanoseconds and bytes of a policy decision with 0, 10, 100 and 1,000 policies, for a hit and a miss. */
export async function run(say: (line: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const add = (metric: string, { ns, bytes }: Measured): void => {
    figures.push({ bench: 'policy', metric, value: Math.round(ns * 10) / 10, unit: 'ns' });
    figures.push({
      bench: 'policy',
      metric: `${metric}, allocated`,
      value: Math.round(Math.max(0, bytes) * 100) / 100,
      unit: 'bytes',
    });
  };
  await checkTheMeasure();
  const thousand = snapshotOf(1_000);
  say('gate');
  add('gate', await measure(() => (thousand.gate('redis', 'payments') ? 1 : 0)));
  const tap = new Tap(createShared(1), 0, () => {});
  add('tap, nobody listens', await measure(() => (tap.on || tap.wantsPassing ? 1 : 0)));
  add('0 policies', await measure(decision(compileSnapshot([]), misses)));
  for (const count of [10, 100, 1_000]) {
    say(`${count} policies`);
    const snapshot = snapshotOf(count);
    expectMatches(snapshot, misses, 0);
    expectMatches(snapshot, hits(count), 1);
    add(`${count} policies, miss`, await measure(decision(snapshot, misses)));
    add(`${count} policies, hit`, await measure(decision(snapshot, hits(count))));
  }
  return figures;
}

/** A measure that shows 0 for everything proves nothing: one object for each operation must show. */
async function checkTheMeasure(): Promise<void> {
  const last: { kept: object } = { kept: {} };
  const { bytes } = await measure((turn) => {
    last.kept = { turn };
    return turn;
  });
  if (!(bytes >= 16))
    throw new Error(`one object for each operation was measured as ${bytes} bytes: the measure is broken`);
}

/** What is timed as a hit must be one, and a miss a miss. */
function expectMatches(snapshot: Snapshot, paths: readonly Buffer[], expected: number): void {
  const out = new Int32Array(snapshot.policies.length);
  for (const path of paths) {
    const count = snapshot.match('http', 'payments', path, 0, path.length, out);
    if (count !== expected) throw new Error(`${path.toString()} matches ${count} policies instead of ${expected}`);
  }
}
