import { createInterface } from 'node:readline';
import { createEngine } from '../engine/index.ts';
import { type FaultReport } from '../engine/telemetry/models.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { type Order, type Said } from './ordinary-user-words.ts';

/**
 * The real engine as whoever started it, for the tests of what an ordinary user can do. Takes one order a line: a file to apply, which it holds
 * until it is told to go on. Says one JSON line for each thing that happens. Argument: the state directory.
 */

const tell = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`);
/** Longer than any test. Milliseconds. */
const TTL = 600_000;
/** How long a fault may take to be measured, in milliseconds. */
const TO_BITE = 10_000;

const [stateDir = ''] = process.argv.slice(2);
await using engine = await createEngine({ stateDir });
const { queries, commands, streams } = engine.api;
const never = new AbortController().signal;
tell({ what: 'ready' });
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const orders = async (): Promise<Order | undefined> => {
  const line = await lines.next();
  return line.done === true ? undefined : (JSON.parse(line.value) as Order);
};
for (let asked = await orders(); asked !== undefined; asked = await orders()) {
  if (asked.order !== 'hold') continue;
  Object.assign(process.env, asked.env);
  await carryOut(asked.text).catch((error: unknown) => tell({ what: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) }));
}

async function carryOut(text: string): Promise<void> {
  const file = { text, file: 'order.yaml', routes: [] };
  const planned = await queries.plan({ ...file, overrides: {} }, never);
  if (!planned.ok) throw new Error(planned.issues.map(({ message }) => message).join('; '));
  tell({ what: 'planned', unavailable: planned.plan.faults.map(({ unavailable }) => unavailable) });
  const { run } = await commands.apply({ ...file, ttlMs: TTL, watch: false }, never);
  const looking = new AbortController();
  let faults: readonly FaultReport[] = [];
  const end = realClock.now() + TO_BITE;
  for await (const frame of streams.frames({}, looking.signal)) {
    faults = frame.faults;
    if ((faults.length > 0 && faults.every(({ effect }) => effect.bitten)) || realClock.now() > end) break;
  }
  looking.abort();
  tell({ what: 'held', faults });
  await orders();
  await commands.abort({ run, why: 'the test' }, never);
  const { why, faults: last } = await queries.released({ run }, never);
  tell({ what: 'closed', why, faults: last, open: (await queries.open({}, never)).open.length });
}
