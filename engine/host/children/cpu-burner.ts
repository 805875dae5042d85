import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { argument, holdLifeline, report } from './lifeline.ts';

/** Loads CPU cores: one thread for each. Started by host/cpu.ts with --cores, --load, --nice and --hold. */
const begin = holdLifeline();
const SETTLE_MS = 100;

let nice = Number(argument('nice'));
try {
  // Threads inherit the niceness of the thread that starts them, so this comes first.
  setPriority(nice);
  weighSession(nice);
} catch {
  nice = 0; // not permitted: the load is then what the scheduler leaves, and is reported as measured
}
const cores = Number(argument('cores'));
const load = Number(argument('load'));
const started: Promise<unknown>[] = [];
for (let core = 0; core < cores; core++) {
  const worker = new Worker(new URL('./cpu-thread.ts', import.meta.url), { workerData: { load } });
  started.push(new Promise((resolve) => worker.once('message', resolve)));
}
await Promise.all(started);
// The runtime compiles what has just begun to run hot; what that costs is not part of the load.
setTimeout(() => {
  begin();
  report({ ready: true, nice });
}, SETTLE_MS);

/**
 * Where the kernel groups tasks by session (sched_autogroup_enabled, sched(7)) niceness only counts inside a session;
 * the session, which is this process's own, has a niceness of its own.
 */
function weighSession(value: number): void {
  try {
    writeFileSync('/proc/self/autogroup', String(value));
  } catch {
    // the kernel does not group, or this is not Linux
  }
}
