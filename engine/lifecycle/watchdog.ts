import { chmodSync, existsSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { messageOf } from '../kernel/errors.ts';
import { holdLock } from '../store/lock.ts';
import { type ProcessMark, type UndoRecord } from '../store/journal-record.ts';
import { sentinelAddress, watchdogAddress } from './addresses.ts';
import { openBypass } from './bypass.ts';
import { onlyItsEngine, type RescueTools, revertEverything, silence, summaryOf } from './halt.ts';
import { hear, type RouteMark, say, toWatchdog, type ToWatchdog } from './messages.ts';
import { LEASE, OVERTIME } from './models.ts';
import { type OpenBypass, StandIns } from './standins.ts';
import { undoAll, undoFromJournal } from './undo.ts';

export interface WatchdogOptions extends RescueTools {
  readonly openBypass?: OpenBypass;
  readonly log?: (text: string) => void;
  /** How long to stay with nothing to watch, in milliseconds. */
  readonly idle?: number;
}

/** A running watchdog. */
export interface Watchdog extends AsyncDisposable {
  /** Resolves when it has nothing left to watch and has ended by itself. */
  readonly ended: Promise<void>;
}

/** An engine that has said hello and not goodbye. */
interface Engine {
  readonly owner: ProcessMark;
  routes: readonly RouteMark[];
  socket: Socket | null;
  /** Monotonic time of the last sign of life. */
  lastBeat: number;
  /** Its lease has run out; it is told so when it comes back. */
  lapsed: boolean;
}

const TICK = 250;
const IDLE = 5_000;
/**
 * Attempts at one record before it is left to the next start, and the pause after the first; each doubles it.
 * Milliseconds.
 */
const TRIES = 5;
const RETRY = 1_000;

/**
 * Watches over all engines of a state directory. Reverts from the journal what a dead or silent engine has left, and
 * stands in for its routes.
 * @returns undefined when another watchdog already does that.
 */
export async function runWatchdog(options: WatchdogOptions): Promise<Watchdog | undefined> {
  const lock = holdLock(join(options.stateDir, 'watchdog.lock'));
  if (lock === undefined) return undefined;
  const watchdog = new JournalWatchdog(options, lock);
  await watchdog.listen();
  return watchdog;
}

class JournalWatchdog implements Watchdog {
  readonly ended: Promise<void>;
  readonly #tools: WatchdogOptions;
  readonly #log: (text: string) => void;
  readonly #lock: Disposable;
  readonly #standIns: StandIns;
  readonly #engines = new Map<string, Engine>();
  /** Owners in the journal that never said hello: since when they have been seen. */
  readonly #strangers = new Map<string, number>();
  /** Open faults: since when they have been seen. */
  readonly #seen = new Map<string, number>();
  readonly #attempts = new Map<string, { readonly count: number; readonly notBefore: number }>();
  readonly #work = new Set<Promise<void>>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #over = Promise.withResolvers<void>();
  #tick: Disposable | undefined;
  #lastTick: number;
  #idleSince: number | null = null;
  #closed = false;

  constructor(options: WatchdogOptions, lock: Disposable) {
    this.#tools = options;
    this.#log = options.log ?? ((): void => {});
    this.#lock = lock;
    this.#standIns = new StandIns(options.clock, options.openBypass ?? openBypass, this.#log);
    this.#server = createServer((socket) => this.#connected(socket));
    this.#lastTick = options.clock.now();
    this.ended = this.#over.promise;
  }

  async listen(): Promise<void> {
    const address = watchdogAddress(this.#tools.stateDir);
    // The lock is ours, so whoever made this socket is gone.
    if (process.platform !== 'win32') rmSync(address, { force: true });
    const up = Promise.withResolvers<void>();
    this.#server.once('error', up.reject);
    this.#server.listen(address, () => up.resolve());
    await up.promise;
    if (process.platform !== 'win32') chmodSync(address, 0o600);
    this.#tick = this.#tools.clock.every(TICK, () => this.#look());
    this.#log(`watching ${this.#tools.stateDir}`);
  }

  #connected(socket: Socket): void {
    let engine: Engine | undefined;
    this.#sockets.add(socket);
    hear(socket, toWatchdog, (message) => {
      engine = this.#heard(socket, message, engine);
    });
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (engine?.socket === socket) engine.socket = null;
    });
  }

  #heard(socket: Socket, message: ToWatchdog, engine: Engine | undefined): Engine | undefined {
    switch (message.kind) {
      case 'hello':
        say(socket, { kind: 'ready', pid: process.pid });
        return this.#welcome(socket, message.owner, message.routes);
      case 'beat':
        if (engine !== undefined) this.#beat(engine, message.routes);
        say(socket, { kind: 'ack' });
        return engine;
      case 'bye':
        if (engine !== undefined) this.#engines.delete(keyOf(engine.owner));
        socket.end();
        return undefined;
      case 'release':
        void this.#standIns.release(message.listen).then(() => say(socket, { kind: 'released' }));
        return engine;
      case 'halt':
        void this.#halt(socket, message.by);
        return engine;
    }
  }

  #welcome(socket: Socket, owner: ProcessMark, routes: readonly RouteMark[]): Engine {
    const known = this.#engines.get(keyOf(owner));
    const engine: Engine = { owner, routes, socket, lastBeat: this.#tools.clock.now(), lapsed: known?.lapsed ?? false };
    this.#engines.set(keyOf(owner), engine);
    this.#strangers.delete(keyOf(owner));
    return engine;
  }

  #beat(engine: Engine, routes: readonly RouteMark[]): void {
    engine.lastBeat = this.#tools.clock.now();
    engine.routes = routes;
    if (!engine.lapsed || engine.socket === null) return;
    engine.lapsed = false;
    say(engine.socket, { kind: 'lease-lost', why: 'no sign of life for 10 s; the watchdog has reverted what it held' });
  }

  /** One look around: notices what has died or gone silent, and begins to revert. */
  #look(): void {
    const now = this.#tools.clock.now();
    // A watchdog that was itself stopped has not listened meanwhile: nobody is late until it has.
    const stood = now - this.#lastTick - TICK;
    if (stood > LEASE / 4) for (const engine of this.#engines.values()) engine.lastBeat += stood;
    this.#lastTick = now;
    for (const engine of this.#engines.values()) this.#judge(engine, now);
    void this.#standIns.prune();
    try {
      const open = this.#tools.journal.open();
      this.#judgeTime(open, now);
      // One engine's stuck revert must not keep another's waiting.
      for (const records of Map.groupBy(
        open.filter((record) => this.#mayRevert(record, now)),
        ({ owner }) => keyOf(owner),
      ).values()) {
        const work = this.#revert(records).catch((error: unknown) => this.#log(`a revert failed: ${messageOf(error)}`));
        this.#work.add(work);
        void work.finally(() => this.#work.delete(work));
      }
      this.#mayEnd(open, now);
    } catch (error) {
      this.#log(`the journal cannot be read: ${messageOf(error)}`);
      if (!this.#reachable) void this.#close('the state directory was deleted');
    }
  }

  #judge(engine: Engine, now: number): void {
    const { owner, routes } = engine;
    const silent = now - engine.lastBeat >= LEASE;
    if (engine.socket !== null && !silent) return;
    if (!this.#tools.identity.alive(owner)) {
      this.#log(`engine ${owner.pid} has died`);
      this.#engines.delete(keyOf(owner));
      if (process.platform !== 'win32') rmSync(sentinelAddress(this.#tools.stateDir, owner.pid), { force: true });
      this.#standIns.take(routes);
    } else if (silent && !engine.lapsed) {
      engine.lapsed = true;
      this.#log(`engine ${owner.pid} has given no sign of life for ${LEASE / 1_000} s`);
    }
  }

  /** An engine that lives but forgets when a fault was to end is not trusted with the others either. */
  #judgeTime(open: readonly UndoRecord[], now: number): void {
    const before = new Map(this.#seen);
    this.#seen.clear();
    for (const { fault, hold, owner, policy, target, step } of open) {
      const first = before.get(fault) ?? now;
      this.#seen.set(fault, first);
      // Who has reverted it has not forgotten it: that it is not proven undone must not end everything else, again and again.
      if (hold === undefined || step === 'reverting') continue;
      const engine = this.#engines.get(keyOf(owner));
      if (engine === undefined || engine.lapsed || now - first < hold + OVERTIME) continue;
      engine.lapsed = true;
      this.#log(`engine ${owner.pid} still holds ${policy} on ${target}; its time was over ${OVERTIME / 1_000} s ago`);
    }
  }

  /** Reverts what one owner has left. A hung engine's wire is silenced first. */
  async #revert(records: readonly UndoRecord[]): Promise<void> {
    const { stateDir, identity, clock } = this.#tools;
    for (const { fault } of records)
      this.#attempts.set(fault, { count: (this.#attempts.get(fault)?.count ?? 0) + 1, notBefore: Infinity });
    const hung = records.find(({ owner }) => identity.alive(owner));
    if (hung !== undefined)
      await silence(this.#tools, 'the watchdog', 'lease-lost', [sentinelAddress(stateDir, hung.owner.pid)]);
    const ours = records.filter((record) => !onlyItsEngine(record, identity));
    await undoAll(
      ours,
      ({ reversible }) => reversible,
      async ({ fault, policy, target, owner }) => {
        const { clean, note } = await undoFromJournal(this.#tools, fault, `the watchdog, for engine ${owner.pid}`);
        this.#log(`${policy} on ${target}: ${clean ? 'reverted' : `unconfirmed: ${note}`}`);
      },
    );
    for (const { fault } of records) {
      const count = this.#attempts.get(fault)?.count ?? 1;
      this.#attempts.set(fault, { count, notBefore: clock.now() + RETRY * 2 ** (count - 1) });
    }
  }

  /** Open records of the dead and the silent, as long as trying again may help. */
  #mayRevert({ owner, fault }: UndoRecord, now: number): boolean {
    const { count, notBefore } = this.#attempts.get(fault) ?? { count: 0, notBefore: 0 };
    if (count >= TRIES || now < notBefore) return false;
    if (!this.#tools.identity.alive(owner)) return true;
    const engine = this.#engines.get(keyOf(owner));
    if (engine !== undefined) return engine.lapsed;
    const since = this.#strangers.get(keyOf(owner)) ?? now;
    this.#strangers.set(keyOf(owner), since);
    return now - since >= LEASE;
  }

  async #halt(socket: Socket, by: string): Promise<void> {
    this.#log(`HALT by ${by}`);
    // Whoever asks has silenced the wires already: that must not wait for a watchdog.
    const { tookMs, faults } = await revertEverything(this.#tools, by);
    this.#log(`HALT: ${summaryOf(faults)}`);
    say(socket, { kind: 'halted', tookMs, faults: [...faults] });
  }

  #mayEnd(open: readonly UndoRecord[], now: number): void {
    const waiting = open.some(({ fault }) => (this.#attempts.get(fault)?.count ?? 0) < TRIES);
    const busy = waiting || this.#work.size > 0 || this.#engines.size > 0;
    // No engine could ask any more for the addresses it holds; the next one starts a watchdog of its own.
    if (!busy && !this.#reachable) return void this.#close('the state directory was deleted');
    const needed = busy || this.#sockets.size > 0 || !this.#standIns.idle;
    if (needed) this.#idleSince = null;
    else this.#idleSince ??= now;
    if (this.#idleSince !== null && now - this.#idleSince >= (this.#tools.idle ?? IDLE))
      void this.#close('nothing left to watch');
  }

  /** Its socket goes with the state directory, and does not come back when a record is saved there. */
  get #reachable(): boolean {
    const { stateDir } = this.#tools;
    return existsSync(stateDir) && (process.platform === 'win32' || existsSync(watchdogAddress(stateDir)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tick?.[Symbol.dispose]();
    await Promise.all(this.#work);
    await this.#close('asked to end');
  }

  async #close(why: string): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#log(`ending: ${why}`);
    this.#tick?.[Symbol.dispose]();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([closed, this.#standIns.release([])]);
    this.#lock[Symbol.dispose]();
    this.#over.resolve();
  }
}

function keyOf({ pid, started }: ProcessMark): string {
  return `${pid} ${started}`;
}
