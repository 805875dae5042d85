import { Worker } from 'node:worker_threads';
import { CELL } from '../call-tracer.ts';
import { argument, holdLifeline, report } from './lifeline.ts';

/**
 * Traces processes in a thread of its own, which waits for nothing but the kernel. Started by host/call-tracer.ts with --order
 * (JSON), --lease, --hold and a mark. The kernel detaches all that is traced when this process ends, however it ends.
 */

/** How often what was struck is told, in milliseconds. */
const TELL = 200;
/** How long the end waits for a write that is cut, and for which the program's register is not put back yet, in milliseconds. */
const LET_GO = 2_000;

const cells = new Int32Array(new SharedArrayBuffer(64));
const read = (cell: keyof typeof CELL): number => Atomics.load(cells, CELL[cell]);

function end(): void {
  Atomics.store(cells, CELL.ending, 1);
  const since = performance.now();
  // A thread that waits in the kernel cannot be asked to end; nothing is changed from here on, so the process simply goes.
  const look = (): void => {
    if (read('open') === 0 || performance.now() - since > LET_GO) process.kill(process.pid, 'SIGKILL');
    else setTimeout(look, 2);
  };
  look();
}

const tell = (): void =>
  report({ matched: read('matched'), struck: read('struck'), delayed: read('delayed'), waited: read('waited'), asked: read('asked'), taken: read('taken') });

const worker = new Worker(new URL('./call-tracer-thread.ts', import.meta.url), { workerData: { order: JSON.parse(argument('order')) as unknown, cells } });
worker.on('message', (news: Readonly<Record<string, unknown>>) => report(news));
worker.on('error', (error) => {
  report({ problem: error.message });
  end();
});
process.on('SIGTERM', end);
holdLifeline(undefined, end)();
setInterval(tell, TELL);
