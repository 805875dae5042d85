import { type UndoRecord } from '../store/journal-record.ts';
import { sentinelAddress, sentinelAddresses, watchdogAddress } from './addresses.ts';
import { ask, fromSentinel, fromWatchdog, type HaltOutcome } from './messages.ts';
import { type ProcessIdentity, REVERT_DEADLINE, type Workshop } from './models.ts';
import { undoAll, undoFromJournal, type UndoTools } from './undo.ts';

export type { HaltOutcome } from './messages.ts';

/** What any process needs to undo what the journal says. */
export type RescueTools = UndoTools & { readonly stateDir: string; readonly identity: ProcessIdentity };

export interface HaltEverywhereResult {
  /** Milliseconds from the call until nothing was injected any more, as far as that is known. */
  readonly tookMs: number;
  readonly faults: readonly HaltOutcome[];
  /** Engines whose wire confirmed HALT, by pid. */
  readonly engines: readonly number[];
  /** Who reverted from the journal. */
  readonly by: 'watchdog' | 'this process';
}

/** A sentinel answers in well under a millisecond when its process runs at all. */
const SENTINEL_WITHIN = 1_000;
/** A live engine removes its own wire faults in a few milliseconds; a hung one not at all. */
const ENGINE_WITHIN = 2_000;
const LOOK_EVERY = 20;

/** Builds the tools with their defaults. */
export function rescueTools(
  parts: Pick<Workshop, 'injectors' | 'journal' | 'clock' | 'identity'> & {
    readonly stateDir: string;
    readonly revertDeadline?: number;
  },
): RescueTools {
  return { revertDeadline: REVERT_DEADLINE, boundary: () => {}, ...parts };
}

/**
 * HALT for every engine that shares `stateDir`, from any process: with a live engine, a hung one, a dead one, with or
 * without a watchdog. First the wires fall silent, then everything is reverted from the journal. Never throws for
 * residue. An engine that calls it has halted itself already.
 */
export async function haltEverywhere(tools: RescueTools, by: string): Promise<HaltEverywhereResult> {
  const { clock, journal } = tools;
  const from = clock.now();
  // Not a look at what is open now: no disk may keep the wires from falling silent.
  const since = clock.wall();
  const self = sentinelAddress(tools.stateDir, tools.identity.self.pid);
  const engines = await silence(
    tools,
    by,
    'halted',
    sentinelAddresses(tools.stateDir).filter((address) => address !== self),
  );
  const silent = clock.now() - from;
  // As long as the watchdog may need for one fault after the other; it answers as soon as it is done.
  const limit = tools.revertDeadline * (journal.open().length + 1) + ENGINE_WITHIN;
  const { answer, who } = await ask(clock, watchdogAddress(tools.stateDir), { kind: 'halt', by }, haltedAnswer, limit).then(
    (said) => ({ answer: said, who: 'watchdog' as const }),
    async () => ({ answer: await revertEverything(tools, by), who: 'this process' as const }),
  );
  // An engine that heard its sentinel reverts by itself, often before anybody else has looked into the journal.
  const quicker = journal.revertedSince(since).filter(({ fault }) => !answer.faults.some(({ id }) => id === fault));
  const faults = [
    ...answer.faults.map((fault) => believed(tools, fault, engines)),
    ...quicker.map((record) => outcomeOf(record, 'reverted', '')),
  ];
  // What is not on a wire did not end with its silence, but at the latest when its record was closed.
  const closed = quicker.filter(({ layer }) => layer !== 'wire').map(({ at }) => at - since);
  return { tookMs: Math.max(silent + answer.tookMs, ...closed), faults, engines, by: who };
}

/** A wire is silent when its sentinel has said so, and not because it was asked to be. */
function believed({ journal }: RescueTools, fault: HaltOutcome, engines: readonly number[]): HaltOutcome {
  if (fault.outcome !== 'silenced') return fault;
  const pid = journal.open().find((record) => record.fault === fault.id)?.owner.pid;
  if (pid === undefined || engines.includes(pid)) return fault;
  const note = `its engine, process ${pid}, cannot be reached and may inject on: end it with kill -9 ${pid}`;
  return { ...fault, outcome: 'unconfirmed', note };
}
const haltedAnswer = fromWatchdog.options[4];

/** Sets the HALT word of every engine that answers at its sentinel's address; returns their pids. */
export async function silence(
  { clock }: Pick<RescueTools, 'clock'>,
  by: string,
  reason: 'halted' | 'lease-lost',
  addresses: readonly string[],
): Promise<readonly number[]> {
  const answers = await Promise.allSettled(
    addresses.map((address) => ask(clock, address, { kind: 'halt', by, reason }, fromSentinel, SENTINEL_WITHIN)),
  );
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.pid] : []));
}

/** Reverts every open record of the journal, whoever made it, from this process. */
export async function revertEverything(
  tools: RescueTools,
  by: string,
): Promise<{ readonly tookMs: number; readonly faults: readonly HaltOutcome[] }> {
  const { clock, journal, identity } = tools;
  const from = clock.now();
  const open = journal.open();
  const faults: HaltOutcome[] = [];
  let quiet: number = from;
  const others = open.filter((record) => onlyItsEngine(record, identity));
  await undoAll(
    open.filter((record) => !others.includes(record)),
    ({ reversible }) => reversible,
    async (record) => {
      const { clean, note, undoneAt } = await undoFromJournal(tools, record.fault, by);
      quiet = Math.max(quiet, undoneAt ?? clock.now());
      faults.push(outcomeOf(record, clean ? 'reverted' : 'unconfirmed', note));
    },
  );
  faults.push(...(await removedByTheirEngines(tools, others, from + ENGINE_WITHIN)));
  return { tookMs: quiet - from, faults };
}

/** A wire fault lives in the memory of its engine: while that lives, nobody else can take it out, only silence it. */
export function onlyItsEngine(record: UndoRecord, identity: ProcessIdentity): boolean {
  const { owner } = record;
  const own = owner.pid === identity.self.pid && owner.started === identity.self.started;
  return record.layer === 'wire' && !own && identity.alive(owner);
}

async function removedByTheirEngines(
  { clock, journal }: RescueTools,
  records: readonly UndoRecord[],
  end: number,
): Promise<HaltOutcome[]> {
  const stillOpen = (): ReadonlySet<string> =>
    new Set(records.length === 0 ? [] : journal.open().map(({ fault }) => fault));
  let open = stillOpen();
  while (records.some(({ fault }) => open.has(fault)) && clock.now() < end) {
    await clock.sleep(LOOK_EVERY);
    open = stillOpen();
  }
  const note = 'its wire is silent, but its engine does not answer: it is removed when the engine does, or ends';
  return records.map((record) =>
    outcomeOf(record, open.has(record.fault) ? 'silenced' : 'reverted', open.has(record.fault) ? note : ''),
  );
}

function outcomeOf(
  { fault, policy, type, target }: UndoRecord,
  outcome: HaltOutcome['outcome'],
  note: string,
): HaltOutcome {
  return { id: fault, policy, type, target, outcome, note };
}

/** For logs: what HALT or a lost lease did, in one line. */
export function summaryOf(faults: readonly HaltOutcome[]): string {
  const count = (outcome: HaltOutcome['outcome']): number => faults.filter((fault) => fault.outcome === outcome).length;
  return `${count('reverted')} reverted, ${count('silenced')} silenced, ${count('unconfirmed')} unconfirmed`;
}
