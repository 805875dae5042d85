import { createEngine } from '../../engine/index.ts';
import { type Boundary } from '../../engine/lifecycle/models.ts';
import { blockUntil } from './block.ts';

/**
 * The real engine, with the real faults, for the tests that kill it. Arguments: state directory, the boundary at which
 * to stand still (`none`, or `abort`: to abort as soon as it bites), the text of the file to apply. Says one JSON line for each thing that happens.
 */
const [stateDir = '', standAt = 'none', text = ''] = process.argv.slice(2);
const tell = (what: string, more: object = {}): void =>
  void process.stdout.write(`${JSON.stringify({ what, ...more })}\n`);
/** The test kills it long before; a test that is itself killed leaves nothing behind either. Milliseconds. */
const STAND = 60_000;
/** Longer than any test, so that no fault ends by itself while a slow machine is still starting its clients. Milliseconds. */
const TTL = 600_000;
process.stdin.on('end', () => process.exit(1));
const block = new Int32Array(new SharedArrayBuffer(4));
const LATE: readonly Boundary[] = ['ending', 'reverting', 'undone', 'closed'];

const engine = await createEngine({
  stateDir,
  boundary: (name) => {
    if (name !== standAt) return;
    tell('boundary', { name });
    Atomics.wait(block, 0, 0, STAND);
    process.exit(1);
  },
});
const caller = new AbortController().signal;
// Routes of their own, which outlive what is applied: after HALT traffic must pass, not merely no longer fail.
const valid = await engine.api.queries.validate({ text, file: 'crash.yaml', routes: [] }, caller);
if (valid.ok && valid.summary.routes.length > 0) {
  await engine.api.commands.openRoutes({ routes: valid.summary.routes }, caller);
}
const { run } = await engine.api.commands.apply({ text, file: 'crash.yaml', ttlMs: TTL, routes: [], watch: false }, caller);
tell('active');
process.stdin.setEncoding('utf8').on('data', (line: string) => {
  if (!line.startsWith('block')) return;
  tell('blocking');
  blockUntil(line.slice('block '.length).trimEnd());
  tell('unblocked');
});
const said = new Set<string>();
const once = (what: string): void => {
  if (said.has(what)) return;
  said.add(what);
  tell(what);
};
let told = false;
for await (const { faults } of engine.api.streams.frames({}, caller)) {
  for (const { policy, effect } of faults) {
    // What a policy has done begins with how many it met, also while all of them are still held back.
    if (/^[1-9]/.test(effect.detail)) once(`reached by ${policy}`);
    if (effect.bitten) once(`bitten by ${policy}`);
  }
  if (told || !faults.some(({ effect }) => effect.bitten)) continue;
  told = true;
  tell('bitten');
  if (standAt === 'abort' || LATE.some((name) => name === standAt)) await engine.api.commands.abort({ run, why: 'the test' }, caller);
}
