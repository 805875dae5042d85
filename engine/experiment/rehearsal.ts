import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type HaltOutcome } from '../contract/api.ts';
import { type Route } from '../contract/models.ts';
import { REHEARSAL, type Rehearsal } from '../contract/room.ts';
import { type RunId, millis } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { newRunId } from '../kernel/random.ts';
import { type Lifecycle } from '../lifecycle/lifecycle.ts';
import { type Seen, startRehearsalClients } from '../probes/rehearsal-clients.ts';
import { prepareOrThrow, requestsOf } from './prepare.ts';

export interface RehearsalParts {
  readonly clock: Clock;
  readonly lifecycle: Pick<Lifecycle, 'plan' | 'start' | 'open' | 'halted' | 'untilHalt' | 'leaveHalt'>;
  /** The whole of it, as the button calls it: every engine of this machine, the watchdog, the journal. */
  readonly halt: (by: string) => Promise<HaltOutcome>;
  readonly openRoutes: (routes: readonly Route[]) => Promise<readonly Route[]>;
  readonly closeRoutes: (names: readonly string[]) => Promise<void>;
  /** Holds the one place on this machine for an experiment; throws when it is taken. */
  readonly takePlace: (holder: { readonly run: RunId; readonly name: string }) => Disposable;
  /** Whether a run or an apply of this engine is under way, even when nothing is injected yet. */
  readonly underWay: () => boolean;
}

/** How long clients meet the fault before HALT, and how long they are watched after it, milliseconds. */
const BEFORE = 400;
const AFTER = 400;
/** Should the rehearsal itself be stuck, its fault ends by itself, milliseconds. */
const HOLD = millis(15_000);
const BITES_WITHIN = millis(5_000);

/** Milliseconds that half of the responses are held back: at any HALT some have just begun to wait. */
const DELAY = 150;
const FAILING = '/failing';
const SLOW = '/slow';

const FILE = `version: 1
name: ${REHEARSAL}
seed: 1
policies:
  - { name: ${REHEARSAL}-errors, type: http, route: ${REHEARSAL}, target: ${FAILING}, error_chance: 1, error_code: 503 }
  - { name: ${REHEARSAL}-delays, type: http, route: ${REHEARSAL}, target: ${SLOW}, latency_chance: 1, latency_duration: ${DELAY}ms }
`;

/**
 * Gives HALT while a service of our own, behind a route of our own, is under faults of our own, and measures at the
 * clients when the faults ended. Everything is put away after it, and HALT is in force then exactly when it was before.
 * A person's HALT in between is the last word: it is not taken back.
 * @throws FirebreakError `busy` while anything is injected or about to be, `rehearsal-failed` when the fault did not
 * bite, and whatever keeps a fault from being injected.
 */
export async function rehearse(parts: RehearsalParts, signal: AbortSignal): Promise<Rehearsal> {
  const { clock, lifecycle } = parts;
  const run = newRunId();
  refuseBusy(parts, 0);
  using _place = placeOf(parts, run);
  const wasHalted = lifecycle.halted;
  const foreign = lifecycle.untilHalt;
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startService());
  const [route] = await parts.openRoutes([
    { name: REHEARSAL, protocol: 'http', listen: '127.0.0.1:0', upstream: server.address },
  ]);
  if (route === undefined) throw failed('its route was not opened');
  stack.defer(() => parts.closeRoutes([REHEARSAL]));

  const prepared = prepareOrThrow({ text: FILE, file: '<rehearsal>', routes: [route] });
  const planned = await lifecycle.plan(requestsOf(prepared, run, HOLD), signal);
  const clients = stack.use(startRehearsalClients(`http://${route.listen}`, [FAILING, SLOW], clock));
  // A start ends an earlier HALT; should this one not come to its own, that one must be in force again.
  const restore = stack.adopt({ needed: wasHalted }, async ({ needed }) => {
    if (needed && !lifecycle.halted) await parts.halt(REHEARSAL);
  });
  const set = stack.use(await lifecycle.start(planned, HOLD, signal));
  if ((await set.verified(BITES_WITHIN)) !== 'bitten') {
    throw failed(set.reports().find(({ effect }) => !effect.bitten)?.effect.detail ?? '');
  }
  await clock.sleep(BEFORE, signal);
  refuseBusy(parts, planned.length);
  foreign.throwIfAborted();

  const from = clock.now();
  const halting = parts.halt(REHEARSAL);
  const next = lifecycle.untilHalt;
  restore.needed = false;
  const outcome = await halting;
  const haltMs = clock.now() - from;
  // From here on nobody can change their mind: what is measured is only worth something when it is complete.
  await clock.sleep(Math.max(AFTER, haltMs));
  const measured = measure(clients.seen, from);
  const reverted = outcome.faults.length > 0 && outcome.faults.every((fault) => fault.reverted);
  const healthy = measured.after.responses > 0 && isClean(clients.seen.at(-1), from);
  const clean = reverted && healthy && lifecycle.open().length === 0;
  if (clean && !wasHalted && !next.aborted) lifecycle.leaveHalt();
  return { ...measured, haltMs, clean };
}

/**
 * What clients saw of a HALT that was called at `from`. A response counts when all of it has come. Whatever a delay held
 * back when HALT was called counts as faulty, however early it was let go.
 */
export function measure(seen: readonly Seen[], from: number): Pick<Rehearsal, 'lastFaultMs' | 'before' | 'after'> {
  const count = (some: readonly Seen[]): Rehearsal['before'] => ({
    responses: some.length,
    faulty: some.filter((one) => !isClean(one, from)).length,
  });
  const after = seen.filter(({ at }) => at >= from);
  const last = after.findLast((one) => !isClean(one, from));
  return {
    lastFaultMs: last === undefined ? 0 : last.at - from,
    before: count(seen.filter(({ at }) => at < from)),
    after: count(after),
  };
}

function isClean(one: Seen | undefined, from: number): boolean {
  if (one === undefined || !one.ok) return false;
  const { sent, at, path } = one;
  return path !== SLOW || (at - sent < DELAY && (sent >= from || at < from));
}

/** `own`: how many open records are the rehearsal's. */
function refuseBusy({ lifecycle, underWay }: RehearsalParts, own: number): void {
  const open = lifecycle.open();
  const [first] = open;
  if (open.length > own && first !== undefined) {
    throw busy(`${first.policy} on ${first.target} is injected or not proven reverted, and HALT would end it too`);
  }
  if (underWay()) throw busy('a run or an apply is under way, and HALT would end it too');
}

function placeOf({ takePlace }: RehearsalParts, run: RunId): Disposable {
  try {
    return takePlace({ run, name: REHEARSAL });
  } catch (error) {
    if (error instanceof FirebreakError && error.code === 'experiment-running') throw busy(messageOf(error), error);
    throw error;
  }
}

function busy(why: string, cause?: unknown): FirebreakError {
  return new FirebreakError('busy', `HALT cannot be rehearsed now: ${why}.`, {
    exitCode: EXIT.usage,
    hint: 'Wait until it has ended, or end it; `firebreak recover` clears what was left behind. Then rehearse again.',
    cause,
  });
}

const failed = (why: string): FirebreakError =>
  new FirebreakError('rehearsal-failed', `HALT could not be rehearsed: ${why || 'the fault did not bite'}.`, {
    hint: 'HALT itself was not tried, and nothing was changed. Try again; if it fails again, see `firebreak doctor`.',
  });

/** A service on a port of its own that answers every request with 200. */
async function startService(): Promise<{ readonly address: string } & AsyncDisposable> {
  const server: Server = createServer((_request, answer) => answer.end('ok'));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(0, '127.0.0.1', resolve);
  await promise;
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
