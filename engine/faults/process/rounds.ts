import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError, messageOf } from '../../kernel/errors.ts';
import { type Effect, type InjectContext } from '../../kernel/fault.ts';
import { Recovery } from '../../kernel/recovery.ts';
import { freeze, groupFolder, isFrozen, ownGroup, usableFreezer } from '../../host/control-groups.ts';
import { type ProcessInfo } from '../../host/processes.ts';
import { type RoomProcesses } from '../../host/process-targets.ts';
import { signal } from '../../host/signals.ts';
import { endedInWords, stateOf } from '../../host/identity.ts';
import { choose, isStopped, waitFor } from './choose.ts';
import { comesBack, type ProcessParams } from './manifest.ts';
import { carryOn, fleetNow, type ProcessUndo, sameProcess, type Touched } from './undo.ts';

const DONE = { stop: 'stopped', freeze: 'frozen', kill: 'killed', terminate: 'terminated' } as const;
/** A killed process needs no undo: only the latest are kept in the record, so that it does not grow for ever. */
const KEEP_ENDED = 100;

/** One fault in motion: takes the processes of each round, continues them in time, and counts what really happened. */
export class Rounds implements Disposable {
  readonly recovery: Recovery;
  #undo: ProcessUndo;
  readonly #context: InjectContext<ProcessParams, ProcessUndo>;
  readonly #clock: Clock;
  readonly #room: () => RoomProcesses;
  readonly #timers = new Set<Disposable>();
  readonly #signalled = new Set<Touched>();
  readonly #seen = new Set<Touched>();
  #round = 0;
  #problem = '';
  #over = false;

  constructor(undo: ProcessUndo, context: InjectContext<ProcessParams, ProcessUndo>, clock: Clock, room: () => RoomProcesses) {
    this.#undo = undo;
    this.#context = context;
    this.#clock = clock;
    this.#room = room;
    this.recovery = new Recovery(clock);
  }

  /** The first round takes those who were planned; throws when the system refuses a signal. */
  begin(): void {
    const planned = new Map(this.#undo.touched.map((one) => [`${one.pid} ${one.started}`, one]));
    const fleet = this.#fleet();
    const still = fleet.filter((info) => planned.has(`${info.pid} ${info.started}`));
    const entries = still.map((info) => planned.get(`${info.pid} ${info.started}`) as Touched);
    // Between plan and now somebody else may have stopped one: it is then not ours to continue.
    const changed = still.flatMap((info, index) => (isStopped(info) && entries[index]?.prior === 'running' ? [entries[index]] : []));
    if (changed.length > 0) {
      for (const one of changed) one.prior = 'stopped';
      this.#context.amend(this.#undo);
    }
    this.#take(entries.filter((one) => one.prior === 'running'), fleet.length);
    this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#over = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
    this.recovery[Symbol.dispose]();
  }

  /** What was asked for and what can be seen from outside. */
  measure(): Effect {
    const { action } = this.#undo;
    for (const one of this.#signalled) if (this.#hasHappened(one)) this.#seen.add(one);
    const asked = this.#signalled.size;
    const holds = (one: Touched): boolean => (comesBack(action) && !one.resumed ? this.#hasHappened(one) : this.#seen.has(one));
    const done = [...this.#signalled].filter(holds).length;
    const text = asked === 0 ? 'no process has been chosen yet' : `${done} of ${asked} processes ${DONE[action]}`;
    return {
      bitten: done > 0 && done * 2 >= asked,
      detail: [text, this.recovery.describe(), endedInWords(this.#missed()), this.#problem].filter(Boolean).join('; '),
      figures: [{ name: `processes ${DONE[action]}`, unit: 'count', requested: asked, delivered: done, samples: asked }, ...this.recovery.figures],
    };
  }

  /** Those that should be there, and whose end is none of this fault's doing. */
  #missed(): readonly Touched[] {
    return comesBack(this.#undo.action) ? this.#undo.touched : this.#undo.touched.filter((one) => !this.#signalled.has(one));
  }

  #fleet(): readonly ProcessInfo[] {
    return fleetNow(this.#undo, this.#room());
  }

  #schedule(): void {
    const { params, seed, policy } = this.#context.request;
    if (params.interval === 0 || this.#problem !== '') return;
    this.#later(waitFor(params, ++this.#round, seed, policy), () => {
      this.#again();
      this.#schedule();
    });
  }

  /** A later round: chooses anew among those who are there now, and commits them before it touches them. */
  #again(): void {
    const { params, seed, policy } = this.#context.request;
    const state = { firstFleet: this.#undo.fleet, taken: this.#signalled.size, round: this.#round, seed, policy };
    try {
      const fleet = this.#fleet();
      const entries = choose(fleet, params, state).map((info) => touchedOf(info, this.#undo));
      if (entries.length === 0) return;
      const before = comesBack(this.#undo.action) ? this.#undo.touched : this.#undo.touched.slice(-KEEP_ENDED);
      this.#undo = { ...this.#undo, touched: [...before, ...entries] };
      this.#context.amend(this.#undo);
      this.#take(entries, fleet.length);
    } catch (error) {
      this.#problem = `no further rounds: ${messageOf(error)}`;
    }
  }

  #take(entries: readonly Touched[], fleet: number): void {
    const { action } = this.#undo;
    const taken = entries.filter((one) => strike(one, action) === 'sent');
    for (const one of taken) {
      this.#signalled.add(one);
      this.#context.injected(`${DONE[action]} process ${one.pid} (${one.name})`);
    }
    if (taken.length === 0) return;
    const { stopDuration } = this.#context.request.params;
    if (comesBack(action)) {
      if (stopDuration > 0) this.#later(stopDuration, () => void this.#resume(taken));
      return;
    }
    this.recovery.watch(
      () => this.#isBack(taken, fleet),
      (ms) => this.#context.injected(`the processes were all there again after ${Math.round(ms)} ms`),
    );
  }

  /** False as well while it cannot be seen. */
  #isBack(taken: readonly Touched[], fleet: number): boolean {
    try {
      return taken.every((one) => stateOf(one) === 'dead') && this.#fleet().length >= fleet;
    } catch {
      return false;
    }
  }

  /** Continues first and writes it down afterwards: the other way round, a crash in between would leave it stopped. */
  async #resume(entries: readonly Touched[]): Promise<void> {
    try {
      for (const one of entries) {
        if (this.#hasHappened(one)) this.#seen.add(one);
        await carryOn(one, this.#clock);
        one.resumed = true;
      }
      this.#context.amend(this.#undo);
    } catch (error) {
      this.#problem = messageOf(error);
    }
  }

  #hasHappened(one: Touched): boolean {
    if (!comesBack(this.#undo.action)) return stateOf(one) === 'dead';
    if (one.group !== undefined) return stateOf(one) !== 'dead' && isFrozen(one.group);
    const info = sameProcess(one);
    return info !== undefined && isStopped(info);
  }

  #later(ms: number, act: () => void): void {
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      if (!this.#over && !this.#context.signal.aborted) act();
    });
    this.#timers.add(timer);
  }
}

const strike = (one: Touched, action: ProcessUndo['action']): 'sent' | 'gone' =>
  action !== 'freeze' ? signal(one, action) : one.group === undefined ? 'gone' : freeze(one.group, one);

/**
 * The entry of the undo record for a process that is about to be taken.
 * @throws FirebreakError `freeze-refused` when it is to be frozen and cannot be here.
 */
export function touchedOf(info: ProcessInfo, { token, action }: Pick<ProcessUndo, 'token' | 'action'>): Touched {
  const { pid, started } = info;
  const one: Touched = { pid, started, name: info.program || info.name, prior: isStopped(info) ? 'stopped' : 'running', resumed: false };
  return action === 'freeze' ? frozenIn(one, token) : one;
}

function frozenIn(one: Touched, token: string): Touched {
  const tree = usableFreezer(token);
  const parent = 'refusal' in tree ? undefined : groupFolder(tree, one.pid);
  if ('refusal' in tree || parent === undefined) {
    throw new FirebreakError('freeze-refused', 'refusal' in tree ? tree.refusal : `the control group of process ${one.pid} cannot be seen from here`, {
      hint: 'use action: stop',
    });
  }
  return { ...one, prior: isFrozen(parent) ? 'stopped' : one.prior, group: ownGroup(parent, token, one.pid) };
}
