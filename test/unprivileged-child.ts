import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startApp } from '../engine/faults/kernel/test-app.ts';
import { startFleet } from '../engine/faults/process/test-fleet.ts';
import { noFaketime, startClocked } from '../engine/faults/time/test-clocked.ts';
import { createEngine } from '../engine/index.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { FirebreakError } from '../engine/kernel/errors.ts';
import { casesOf, type Outcome, type Tried } from './unprivileged-cases.ts';

/**
 * An engine under some user, on some machine: says what `doctor` says, and of each case what the plan said and what came of
 * it. Arguments: a folder of its own, a process of another user, `alone` when what reaches the whole
 * machine may be tried.
 */
const [folder = '', foreign = '', alone = ''] = process.argv.slice(2);
const never = new AbortController().signal;
/** How long a fault that was injected may take to bite, milliseconds; the slowest manifest says 15 s. */
const BITES_WITHIN = 20_000;

await using stack = new AsyncDisposableStack();
const service = createServer((_request, response) => response.end('from the service')).listen(0, '127.0.0.1');
await new Promise((resolve) => service.once('listening', resolve));
stack.defer(() => void service.close());
const { port: upstream } = service.address() as AddressInfo;
const fleet = stack.use(await startFleet(2));
const app = stack.use(await startApp());
const clocked = noFaketime === false ? stack.use(await startClocked()) : undefined;
mkdirSync(join(folder, 'disk'));
const engine = stack.use(await createEngine({ stateDir: join(folder, 'state') }));

// Somebody uses what is to be struck: without that nothing could be seen to bite.
let busy = true;
const ask = (port: number): void => void get({ host: '127.0.0.1', port, path: '/charge', agent: false }, (response) => response.resume()).on('error', () => {});
const loop = async (act: () => unknown): Promise<void> => {
  for (; busy; await realClock.sleep(100)) await act();
};
stack.defer(() => void (busy = false));
const using = [
  loop(() => engine.api.queries.status({}, never).then(({ routes }) => routes.forEach(({ listen }) => ask(Number(listen.split(':')[1]))), () => {})),
  loop(() => app.does(`connect ${upstream}`).catch(() => {})),
  loop(() => app.does(`read ${join(folder, 'data')}`).catch(() => {})),
  loop(() => new Promise((resolve) => execFile('getent', ['hosts', 'shop.test'], { timeout: 5_000 }, resolve))),
];

const failure = (error: unknown): Tried => {
  if (!(error instanceof FirebreakError)) throw error;
  return { refused: `${error.code}: ${error.message}`, hint: error.hint };
};

async function plan(text: string): Promise<Tried> {
  try {
    const planned = await engine.api.queries.plan({ text, file: 'case.yaml', overrides: {}, routes: [] }, never);
    if (!planned.ok) throw new Error(JSON.stringify(planned.issues));
    const [fault] = planned.plan.faults;
    return fault === undefined || fault.unavailable !== '' ? { unavailable: fault?.unavailable ?? '' } : { targets: fault.targets.length };
  } catch (error) {
    return failure(error);
  }
}

async function apply(text: string): Promise<Tried> {
  try {
    const { run } = await engine.api.commands.apply({ text, file: 'case.yaml', ttlMs: 600_000, routes: [], watch: false }, never);
    let detail = '';
    for (const end = realClock.now() + BITES_WITHIN; ; await realClock.sleep(50)) {
      const [fault] = (await engine.api.queries.status({}, never)).faults;
      detail = fault?.effect.detail ?? fault?.note ?? detail;
      if (fault === undefined || fault.effect.bitten || realClock.now() > end) {
        await engine.api.commands.abort({ run, why: 'the test' }, never);
        const { reverted } = await engine.api.queries.released({ run }, never);
        return { bitten: fault?.effect.bitten === true, reverted, detail };
      }
    }
  } catch (error) {
    return failure(error);
  }
}

const cases: Record<string, Outcome> = {};
for (const [name, { type, text, machine = false, idle = false }] of Object.entries(casesOf({ folder, foreign, upstream, fleet: fleet.word, app: app.word, clocked: clocked?.word ?? fleet.word }))) {
  const planned = await plan(text);
  const skipped = 'targets' in planned && (idle || (machine && alone === ''));
  const before = (await engine.api.queries.open({}, never)).open.length;
  const tried = skipped ? null : await apply(text);
  const { open } = await engine.api.queries.open({}, never);
  cases[name] = { type, planned, tried, open: open.length - before };
}
process.stdout.write(`${JSON.stringify({ doctor: await engine.api.queries.doctor({}, never), cases })}\n`);
busy = false;
await Promise.all(using);
