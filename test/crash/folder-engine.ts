import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { selfIdentity, stateOf } from '../../engine/host/identity.ts';
import { millis } from '../../engine/kernel/brands.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Injector } from '../../engine/kernel/fault.ts';
import { openLifecycle } from '../../engine/lifecycle/open.ts';
import { folderFacts, folderInjector, forever, requestFor } from '../../engine/lifecycle/test-parts.ts';
import { createBus } from '../../engine/telemetry/bus.ts';
import { blockUntil } from './block.ts';

/**
 * An engine with the fault type `folder`, for the tests that kill it. Arguments: state directory, the boundary at which
 * to stand still (or `none`), the folders to spoil. Says one JSON line for each thing that happens; obeys one-word
 * lines.
 */
const [stateDir = '', standAt = 'none', ...targets] = process.argv.slice(2);
const tell = (what: string, more: object = {}): void =>
  void process.stdout.write(`${JSON.stringify({ what, ...more })}\n`);
/** The test kills it long before; a test that is itself killed leaves nothing behind either. Milliseconds. */
const STAND = 60_000;
process.stdin.on('end', () => process.exit(1));
const block = new Int32Array(new SharedArrayBuffer(4));

const control = new SharedArrayBuffer(64);
const word = new Int32Array(control);
const wire = {
  control,
  get halted() {
    return Atomics.load(word, 0) !== 0;
  },
  halt: () => void Atomics.store(word, 0, 1),
  resume: () => void Atomics.store(word, 0, 0),
};
const script = fileURLToPath(new URL('./folder-watchdog.ts', import.meta.url));
const engine = await openLifecycle({
  stateDir,
  wire,
  clock: realClock,
  bus: createBus(realClock),
  identity: { self: selfIdentity(), alive: (mark) => stateOf(mark) !== 'dead' },
  injectors: { folder: folderInjector() as Injector },
  facts: { folder: folderFacts },
  spawnWatchdog: () => {
    const child = spawn(process.execPath, [script, stateDir], { detached: true, stdio: 'ignore' });
    child.unref();
    tell('watchdog', { pid: child.pid });
    return child;
  },
  boundary: (name) => {
    if (name !== standAt) return;
    tell('boundary', { name });
    Atomics.wait(block, 0, 0, STAND);
    process.exit(1);
  },
});

// A route of this engine: what listens here goes on to the upstream that the test gives.
const upstream = process.env['UPSTREAM'];
if (upstream !== undefined) {
  const listen = process.env['LISTEN'] ?? '127.0.0.1:0';
  await engine.lease.release([listen]);
  const server = createServer((socket) => socket.end('engine'));
  await new Promise<void>((resolve) => server.listen(Number(listen.split(':')[1]), '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await engine.lease.setRoutes([{ name: 'shop', listen: `127.0.0.1:${port}`, upstream }]);
  tell('route', { port });
}

const planned = await engine.lifecycle.plan(
  targets.map((target) => requestFor(target)),
  forever,
);
const set = await engine.lifecycle.start(planned, millis(60_000), forever);
void set.ended.then((reason) => tell('ended', { reason }));
tell('active', { watchdog: engine.lease.status() });
process.stdin.setEncoding('utf8').on('data', (text: string) => {
  if (text.startsWith('block')) {
    tell('blocking');
    blockUntil(text.slice('block '.length).trimEnd());
    tell('unblocked');
  } else if (text.startsWith('revert')) {
    void set.revert('the test').then((reports) => tell('reverted', { states: reports.map(({ state }) => state) }));
  } else if (text.startsWith('close')) {
    void engine[Symbol.asyncDispose]().then(() => process.exit(0));
  }
});
await set.verified(millis(1_000));
tell('bitten');
if (['ending', 'reverting', 'undone', 'closed'].includes(standAt)) await set.revert('the test');
