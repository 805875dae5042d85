import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDisk } from '../../engine/faults/disk/test-disk.ts';
import { startApp } from '../../engine/faults/kernel/test-app.ts';
import { makeWorld } from '../../engine/faults/network/test-world.ts';
import { startFleet } from '../../engine/faults/process/test-fleet.ts';
import { startClocked } from '../../engine/faults/time/test-clocked.ts';
import { engineIn } from '../../engine/test-engine.ts';

/** What the plans of the corpus are made against: real processes, disks and networks of the test's own. */
export async function prepare() {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-plans-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const stateDir = join(folder, 'state');
  const fleet = stack.use(await startFleet(3));
  const lone = stack.use(await startApp());
  const traced = stack.use(await startApp());
  const tracer = spawn('strace', ['-p', String(traced.pid), '-o', '/dev/null'], { stdio: ['ignore', 'ignore', 'pipe'] });
  stack.defer(async () => {
    tracer.kill('SIGTERM');
    await once(tracer, 'exit');
  });
  await once(tracer.stderr, 'data');
  const clocked = stack.use(await startClocked());
  const disk = stack.use(testDisk());
  mkdirSync(join(disk.path, 'inner'));
  const world = stack.use(await makeWorld());
  const foreign = stack.use(await makeWorld());
  foreign.run('tc', 'qdisc', 'add', 'dev', foreign.dev, 'root', 'handle', '7:', 'tbf', 'rate', '10mbit', 'burst', '10kb', 'latency', '50ms');
  const engine = stack.use(await engineIn(stateDir));
  chmodSync(folder, 0o755);
  const all = stack.move();
  return { folder, stateDir, fleet, lone, traced, clocked, disk, world, foreign, engine, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
export type Grounds = Awaited<ReturnType<typeof prepare>>;

/** A plan of the corpus: its policies in YAML, one a line. */
export interface Planned {
  readonly name: string;
  readonly policies: (at: Grounds) => string | readonly string[];
}
export interface Refused extends Planned {
  /** What the refusal says. */
  readonly because: RegExp;
}
