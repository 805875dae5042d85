import { type Journal, openJournal } from '../store/journal.ts';
import { messageOf } from '../kernel/errors.ts';
import { type ChildHandle, createLease, type WatchdogLease } from './lease.ts';
import { createLifecycle, type LifecycleParts } from './lifecycle.ts';
import { type ToSentinel } from './messages.ts';
import { type HaltSwitch, type Lifecycle } from './models.ts';
import { startSentinel } from './sentinel.ts';

/** What an engine must bring along; everything of another room comes in here. */
export type OpenLifecycleOptions = Omit<LifecycleParts, 'journal' | 'lease' | 'wire'> & {
  readonly stateDir: string;
  readonly wire: HaltSwitch & { readonly control: SharedArrayBuffer };
  /** Starts the watchdog's entry, detached, in a session of its own. */
  readonly spawnWatchdog: () => ChildHandle;
  /** True for a process that injects nothing: it has no wire to halt, and needs no more of the disk than to read it. */
  readonly observer?: boolean;
  /** When the caller has the journal open already; it then closes it. */
  readonly journal?: Journal;
};

/**
 * The lifecycle of an engine with its journal, its sentinel thread and its line to the watchdog. Closes all of them.
 */
export interface EngineLifecycle {
  readonly lifecycle: Lifecycle;
  readonly journal: Journal;
  readonly lease: WatchdogLease;
  /** Whether the thread that takes HALT while the loop is blocked still runs, and why not; null for an observer. */
  sentinel(): { readonly alive: boolean; readonly note: string } | null;
  /** In the right order: revert, goodbye to the watchdog, sentinel, journal. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens the lifecycle of this process over `stateDir`. Nothing is recovered and no watchdog is started yet: call
 * `lifecycle.recover()` at start; the watchdog comes up with the first route or fault.
 * Throws FirebreakError `state-unwritable`, `journal-unwritable` or `sentinel-failed`.
 */
export async function openLifecycle({
  stateDir,
  spawnWatchdog,
  wire,
  observer = false,
  ...parts
}: OpenLifecycleOptions): Promise<EngineLifecycle> {
  const { bus, clock, identity } = parts;
  await using opened = new AsyncDisposableStack();
  const journal = parts.journal ?? opened.adopt(openJournal(stateDir, clock), (own) => own[Symbol.dispose]());
  const log = (level: 'info' | 'warn' | 'error', text: string): void =>
    void bus.publish('', { kind: 'log', level, text });
  for (const { where, what } of journal.damage()) log('error', `undo journal: ${where}: ${what}`);

  let lifecycle: Lifecycle | undefined;
  const failed = (error: unknown): void => log('error', `revert failed: ${messageOf(error)}`);
  const lost = (why: string): void => void lifecycle?.leaseLost(why).catch(failed);
  const heard = ({ by, reason }: ToSentinel): void => {
    if (reason === 'halted') void lifecycle?.halt(by).catch(failed);
    else lost(by);
  };
  let fallen = '';
  const died = (why: string): void => {
    fallen = why;
    log('error', `the sentinel thread stopped: ${why}; HALT from elsewhere cannot reach this engine until it is restarted`);
  };
  if (!observer) opened.use(await startSentinel({ stateDir, control: wire.control, heard, died }));
  const lease = opened.use(
    createLease({ stateDir, self: identity.self, clock, spawnWatchdog, lost, log: (text) => log('warn', text) }),
  );
  lifecycle = opened.use(createLifecycle({ ...parts, journal, wire, lease }));
  const stack = opened.move();
  const sentinel = () => (observer ? null : { alive: fallen === '', note: fallen });
  return { lifecycle, journal, lease, sentinel, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
