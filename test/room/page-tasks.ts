import assert from 'node:assert/strict';
import { z } from 'zod';

const trace = z.object({
  traceEvents: z.array(
    z.object({
      name: z.string(),
      pid: z.number(),
      tid: z.number(),
      dur: z.number().optional(),
      tdur: z.number().optional(),
      args: z.object({ name: z.unknown() }).partial().optional(),
    }),
  ),
});

/** What Chromium must record for `tasksOf`. */
export const TASK_CATEGORIES = ['disabled-by-default-devtools.timeline', '__metadata'];

/** One task of the page's main thread, milliseconds: how long it lasted, and how long it had a core. */
export interface PageTask {
  readonly wall: number;
  readonly cpu: number;
}

/**
 * The tasks of the page in a trace of Chromium. On a machine that others share any task may last long; only the time
 * that it had a core is the page's own doing. Fails when the trace tells no such times.
 */
export function tasksOf(recorded: string): PageTask[] {
  const { traceEvents } = trace.parse(JSON.parse(recorded));
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.flatMap(({ name, pid, tid, dur, tdur }) =>
    name === 'RunTask' && mains.has(`${pid} ${tid}`) && dur !== undefined && tdur !== undefined
      ? [{ wall: dur / 1_000, cpu: tdur / 1_000 }]
      : [],
  );
  assert.ok(tasks.length > 0, 'the trace holds no tasks with their times');
  return tasks;
}
