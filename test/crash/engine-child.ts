import { createEngine } from '../../engine/index.ts';
import { type Boundary } from '../../engine/lifecycle/models.ts';

/**
 * The real engine, with the real faults, for the tests that kill it. Arguments: state directory, the boundary at which
 * to stand still, the text of the file to apply. Says one JSON line for each thing that happens.
 */
const [stateDir = '', standAt = 'none', text = ''] = process.argv.slice(2);
const tell = (what: string, more: object = {}): void =>
  void process.stdout.write(`${JSON.stringify({ what, ...more })}\n`);
const block = new Int32Array(new SharedArrayBuffer(4));
const LATE: readonly Boundary[] = ['ending', 'reverting', 'undone', 'closed'];

const engine = await createEngine({
  stateDir,
  boundary: (name) => {
    if (name !== standAt) return;
    tell('boundary', { name });
    Atomics.wait(block, 0, 0);
  },
});
const caller = new AbortController().signal;
const { run } = await engine.api.commands.apply({ text, file: 'crash.yaml', ttlMs: 60_000, routes: [] }, caller);
tell('active');
process.stdin.setEncoding('utf8').on('data', (line: string) => {
  if (!line.startsWith('block')) return;
  tell('blocking');
  // A busy loop, not a wait: this is what a bug looks like. Ends by itself, in case the test does not end it.
  for (const end = performance.now() + Number(line.split(' ')[1]); performance.now() < end;);
  tell('unblocked');
});
let told = false;
for await (const { faults } of engine.api.streams.frames({}, caller)) {
  if (told || !faults.some(({ effect }) => effect.bitten)) continue;
  told = true;
  tell('bitten');
  if (LATE.some((name) => name === standAt)) await engine.api.commands.abort({ run, why: 'the test' }, caller);
}
