import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../kernel/clock.ts';
import { readProcess } from '../../host/processes.ts';
import { spawnNode } from '../../host/spawn.ts';

/** Real processes for the tests of this folder: they idle, and end when the test does. */
export interface Fleet extends AsyncDisposable {
  /** In every command line of this fleet and in no other. */
  readonly word: string;
  readonly pids: readonly number[];
  state(pid: number): string;
}

/** A supervisor that starts what cannot stay up must not do so for ever. */
const MOST_REPLACEMENTS = 10;

/** @param supervised true starts a new process for each that ends, `after` so many milliseconds. */
export async function startFleet(size: number, supervised = false, after = 0): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-fleet-'));
  const word = `fleet-${randomBytes(6).toString('hex')}`;
  const script = join(folder, `${word}.mjs`);
  writeFileSync(script, 'process.stdin.on("end", () => process.exit()).resume(); process.stdout.write("up");');
  const children = new Set<ReturnType<typeof spawnNode>>();
  let closing = false;
  let replacements = 0;
  const start = (): Promise<void> => {
    const child = spawnNode(script, [], { role: 'fleet', target: true, stdio: ['pipe', 'pipe', 'ignore'] });
    children.add(child);
    child.on('exit', () => {
      children.delete(child);
      if (!supervised || ++replacements > MOST_REPLACEMENTS) return;
      void realClock.sleep(after).then(() => (closing ? undefined : start()));
    });
    return new Promise((resolve) => child.stdout?.once('data', () => resolve()));
  };
  await Promise.all(Array.from({ length: size }, start));
  return {
    word,
    get pids() {
      return [...children].map((child) => child.pid as number).sort((a, b) => a - b);
    },
    state: (pid) => readProcess(pid)?.state ?? '-',
    [Symbol.asyncDispose]: async () => {
      closing = true;
      const ended = [...children].map((child) => new Promise<void>((resolve) => child.once('exit', () => resolve())));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(ended);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits on a condition, for a minute at most. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = realClock.now() + 60_000; !(await condition()); await realClock.sleep(5)) {
    if (realClock.now() > end) throw new Error(`not within a minute: ${what}`);
  }
}
