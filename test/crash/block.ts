import { existsSync } from 'node:fs';

/** The test that blocks an engine ends it long before; a test that is itself killed leaves nothing burning. Milliseconds. */
const AT_MOST = 60_000;

/**
 * Keeps the loop of this process from turning until there is a file at `path`: on a slow machine no time is long enough
 * for what the test does meanwhile. A busy loop, not a wait: this is what a bug looks like.
 */
export function blockUntil(path: string): void {
  for (const end = performance.now() + AT_MOST; !existsSync(path) && performance.now() < end;);
}
