import { parentPort, workerData } from 'node:worker_threads';

/**
 * Keeps one core at a load, closed-loop on the CPU time that this thread has really had: in each cycle it burns until
 * it has had its share of the time since the start, then sleeps for the rest of the cycle. On a busy machine what was
 * lost to others is caught up, but never more than MAX_DEBT, or a stall would be followed by a burst at full load.
 */
const CYCLE_MS = 20;
const MAX_DEBT_MS = 500;
/** Iterations between two looks at the clock; some 50 microseconds. */
const SLICE = 20_000;

const load = Number((workerData as { load: number }).load);
const never = new Int32Array(new SharedArrayBuffer(4));

/** The CPU time of this thread so far, in milliseconds. */
function cpuTime(): number {
  const usage = process.threadCpuUsage();
  return (usage.user + usage.system) / 1_000;
}

let sink = 1;
function burnSlice(): void {
  let x = sink;
  for (let i = 0; i < SLICE; i++) x = Math.imul(x ^ (x >>> 15), 0x85eb_ca6b) + i;
  sink = x;
}

burnSlice();
parentPort?.postMessage('started');
const start = performance.now();
/** Where the account begins; moved back to forgive a debt that is too large. */
let base = cpuTime();
for (let cycle = 1; ; cycle++) {
  const end = start + cycle * CYCLE_MS;
  const due = load * cycle * CYCLE_MS;
  while (cpuTime() < base + due && performance.now() < end) burnSlice();
  base -= Math.max(0, base + due - cpuTime() - MAX_DEBT_MS);
  const rest = end - performance.now();
  if (rest > 0) Atomics.wait(never, 0, 0, rest);
}
