import { type Millis, type RunId, millis } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FaultRequest } from '../kernel/fault.ts';
import { stableHash } from '../kernel/hash.ts';
import { type Released } from '../contract/api.ts';
import { type FaultReport, type FileIssue, type PolicyChange } from '../contract/models.ts';
import { type FaultSet, type Lifecycle, type PlannedFault } from '../lifecycle/lifecycle.ts';
import { guard } from '../lifecycle/plan.ts';
import { type Policy } from '../policy/file.ts';
import { AppliedRoutes, type OpenRoutes } from './applied-routes.ts';
import { type Prepared, requestsOf } from './prepare.ts';

export interface AppliedDeps {
  readonly clock: Clock;
  readonly lifecycle: Pick<Lifecycle, 'plan' | 'start' | 'reports' | 'open' | 'untilHalt'>;
  readonly openRoutes: OpenRoutes;
}

/** A policy and what the lifecycle is asked for. Two of one key would do the same: nothing is restarted for that. */
interface Wanted {
  readonly key: string;
  readonly policy: Policy;
  readonly request: FaultRequest;
}
interface Held extends Wanted {
  readonly set: FaultSet;
}

/** What came of a reload; `issues` are what could not be done, each with the place of its policy. */
export interface Reloaded {
  readonly change: PolicyChange;
  readonly issues: readonly FileIssue[];
}

/**
 * The policies of a file in force without an experiment: a fault set for each, so that one can be replaced while the
 * others go on. What ends one set by itself (the time is over, HALT, a lost lease) ends all; one that is stopped by hand
 * ends alone.
 */
export class Applied {
  /** Resolves when everything is put back and the routes are given back. */
  readonly released: Promise<Released>;
  readonly #deps: AppliedDeps;
  readonly #run: RunId;
  readonly #ttl: Millis;
  readonly #routes: AppliedRoutes;
  readonly #stop = new AbortController();
  readonly #done = Promise.withResolvers<Released>();
  readonly #halts: Disposable;
  /** Every set of its whole life, in the order of their beginning. */
  readonly #sets: FaultSet[] = [];
  #held: readonly Held[] = [];
  /** What is being brought into force now; the end waits for it. */
  #turn: Promise<unknown> = Promise.resolve();
  #watch: Promise<AsyncDisposable> | undefined;
  #deadline: number | undefined;
  #expiry: Disposable | undefined;
  #ending: Promise<Released> | undefined;

  constructor(deps: AppliedDeps, run: RunId, ttl: Millis) {
    this.#deps = deps;
    this.#run = run;
    this.#ttl = ttl;
    this.#routes = new AppliedRoutes(deps.openRoutes);
    this.released = this.#done.promise;
    // A HALT while a reload has taken out the last set finds none to end.
    const { untilHalt } = deps.lifecycle;
    const halted = (): void => this.#endSoon('halted');
    untilHalt.addEventListener('abort', halted, { once: true });
    this.#halts = { [Symbol.dispose]: () => untilHalt.removeEventListener('abort', halted) };
  }

  get ended(): boolean {
    return this.#stop.signal.aborted;
  }

  /** All faults of its whole life. */
  reports(): FaultReport[] {
    return this.#sets.flatMap((set) => set.reports());
  }

  /**
   * Opens the routes, waits the warm-up, injects all policies or none. The time starts when the first fault is in.
   * Until all are in, `caller` may still change his mind; a warm-up can last a day.
   */
  async begin(prepared: Prepared, caller: AbortSignal): Promise<void> {
    const changedMind = (): void => this.#stop.abort(caller.reason);
    caller.addEventListener('abort', changedMind, { once: true });
    try {
      caller.throwIfAborted();
      await this.#inTurn(() => this.#injectAll(prepared));
      this.#stop.signal.throwIfAborted();
      this.#countDown();
    } catch (error) {
      await this.end(messageOf(error));
      throw error;
    } finally {
      caller.removeEventListener('abort', changedMind);
    }
  }

  /** Ends `watch` with itself. A reload that it has under way is waited for. */
  async follow(watch: () => Promise<AsyncDisposable>): Promise<void> {
    if (this.ended) return;
    this.#watch = watch();
    await this.#watch;
  }

  /**
   * Brings another state of the file into force with the time that remains: policies as before go on undisturbed, the
   * others are reverted, new ones injected. Throws, with nothing changed, when the new ones cannot be planned or a
   * route cannot be opened; undefined after the end.
   */
  reload(prepared: Prepared): Promise<Reloaded | undefined> {
    return this.#inTurn(() => this.#exchange(prepared));
  }

  /** Reverts everything, once; every call resolves with that end. Nothing is started after it. */
  end(why: string): Promise<Released> {
    this.#ending ??= this.#finish(why);
    this.#done.resolve(this.#ending);
    return this.#ending;
  }

  async #injectAll(prepared: Prepared): Promise<void> {
    const { clock } = this.#deps;
    await this.#routes.add(prepared.file.routes);
    await clock.sleep(prepared.file.warmupDuration, this.#stop.signal);
    const wanted = this.#wanted(prepared);
    const planned = await this.#plan(wanted);
    for (const [index, one] of planned.entries()) await this.#start(wanted[index], one);
  }

  async #exchange(prepared: Prepared): Promise<Reloaded | undefined> {
    if (this.ended) return undefined;
    const wanted = this.#wanted(prepared);
    const gone = this.#held.filter(({ key }) => !wanted.some((one) => one.key === key));
    const fresh = wanted.filter(({ key }) => !this.#held.some((one) => one.key === key));
    const opened = await this.#routes.add(prepared.file.routes);
    try {
      // While all is still as it was: what cannot be planned is refused before anything is reverted for it.
      await this.#plan(fresh);
    } catch (error) {
      await this.#routes.drop(opened);
      if (this.ended) return undefined;
      throw error;
    }
    this.#held = this.#held.filter((one) => !gone.includes(one));
    const unchanged = this.#held.length;
    const issues = await this.#revert(gone);
    const stuck = new Set(issues.map(({ path }) => path));
    const began: string[] = [];
    for (const one of fresh.filter(({ policy }) => !stuck.has(policy.name))) {
      const issue = await this.#replace(one);
      if (issue === undefined) began.push(one.policy.name);
      else issues.push(issue);
    }
    const closed = await this.#closeRoutes(prepared);
    if (this.ended) return undefined;
    const changed = began.filter((name) => gone.some(({ policy }) => policy.name === name)).length;
    const change = {
      added: began.length - changed, changed, removed: gone.length - changed, unchanged,
      routesOpened: opened.length, routesClosed: closed.length,
    };
    return { change, issues };
  }

  /** Reverts what the file no longer asks for; an issue for each that is not proven clean. */
  async #revert(gone: readonly Held[]): Promise<FileIssue[]> {
    const found = gone.toReversed().map(async ({ set, policy }) => {
      const left = (await set.revert('changed in the file')).filter(({ reverted }) => !reverted);
      const hint = 'see `firebreak recover`; nothing takes its place';
      return left.map(({ target, note }) => issueOf(policy, `not proven reverted on ${target}: ${note}`, hint));
    });
    return (await Promise.all(found)).flat();
  }

  /** Plans anew, now that its predecessor is gone, and injects. A failure concerns this policy alone. */
  async #replace(one: Wanted): Promise<FileIssue | undefined> {
    try {
      const [planned] = await this.#plan([one]);
      if (planned !== undefined) await this.#start(one, planned);
      return undefined;
    } catch (error) {
      // HALT or a lost lease ended it while it began: of a set that was never handed out nobody else hears that.
      if (error instanceof FirebreakError && ENDED_FROM_OUTSIDE.includes(error.code)) this.#endSoon(error.message);
      const hint = error instanceof FirebreakError ? error.hint : '';
      return issueOf(one.policy, `not injected: ${messageOf(error)}`, hint);
    }
  }

  async #plan(wanted: readonly Wanted[]): Promise<readonly PlannedFault[]> {
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const planned = await this.#deps.lifecycle.plan(wanted.map(({ request }) => request), signal);
    // Each is started alone: what this machine cannot do must stop them all before the first.
    guard(planned, []);
    return planned;
  }

  async #start(one: Wanted | undefined, planned: PlannedFault): Promise<void> {
    if (one === undefined) throw new FirebreakError('bug', 'planned without being wanted');
    const set = await this.#deps.lifecycle.start([planned], this.#remaining(), this.#stop.signal);
    this.#sets.push(set);
    this.#held = [...this.#held, { ...one, set }];
    this.#countDown();
    void set.ended.then((why) => (why === 'stopped' ? this.#stopped() : this.#endSoon(why)));
  }

  /** With the last of its faults an apply is over, unless the file that it follows may bring others. */
  async #stopped(): Promise<void> {
    // What is being brought into force counts too.
    await this.#inTurn(async () => {}).catch(() => {});
    const goesOn = this.reports().some(({ state }) => state === 'planned' || state === 'injecting' || state === 'active');
    if (!goesOn && this.#watch === undefined) this.#endSoon('every fault was stopped by hand');
  }

  /** A route that the file no longer names stays while a policy in force was injected on it. */
  async #closeRoutes({ file }: Prepared): Promise<readonly string[]> {
    const used = new Set(this.#held.flatMap(({ request }) => routesOf(request)));
    const closing = this.#routes.beyond(file.routes).filter(({ name }) => !used.has(name));
    const names = closing.map(({ name }) => name);
    await this.#routes.drop(names);
    return names;
  }

  #wanted(prepared: Prepared): Wanted[] {
    const requests = requestsOf(prepared, this.#run, this.#remaining());
    return prepared.file.policies.flatMap((policy, index) => {
      const request = requests[index];
      if (request === undefined) return [];
      // What stands outside the policy and yet decides what it does to whom.
      const { ignored, seed } = request;
      return [{ key: `${policy.hash}:${stableHash({ ignored, seed })}`, policy, request }];
    });
  }

  #remaining(): Millis {
    return this.#deadline === undefined ? this.#ttl : millis(Math.max(0, this.#deadline - this.#deps.clock.now()));
  }

  #countDown(): void {
    if (this.#deadline !== undefined || this.ended) return;
    this.#deadline = this.#deps.clock.now() + this.#ttl;
    this.#expiry = this.#deps.clock.after(this.#ttl, () => this.#endSoon('hold-over'));
  }

  /** One after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn;
    return turn;
  }

  /** For callers that cannot wait; how it ended is told by `released`. */
  #endSoon(why: string): void {
    this.end(why).catch(() => {});
  }

  async #finish(why: string): Promise<Released> {
    this.#halts[Symbol.dispose]();
    this.#expiry?.[Symbol.dispose]();
    // Before the abort, for which each set would give a reason of its own.
    const early = this.#held.map(({ set }) => set);
    const ending = early.map((set) => set.revert(why));
    this.#stop.abort(new FirebreakError('apply-ended', `The apply was ended: ${why}.`, { exitCode: EXIT.aborted }));
    await Promise.allSettled([...ending, this.#turn]);
    await (await this.#watch)?.[Symbol.asyncDispose]();
    // What came in while it ended, and what a reload could not put back.
    const late = this.#sets.filter((set) => !early.includes(set) && set.reports().some(({ reverted }) => !reverted));
    await Promise.all(late.map((set) => set.revert(why)));
    await this.#routes[Symbol.asyncDispose]();
    const faults = [...this.reports(), ...this.#strays()];
    return { why, faults, reverted: faults.every(({ reverted }) => reverted) };
  }

  /** Faults of sets that failed to begin and could not be put back either: no set of them was ever handed out. */
  #strays(): FaultReport[] {
    const { lifecycle } = this.#deps;
    const known = new Set(this.reports().map(({ id }) => id));
    const open = new Set(lifecycle.open().filter(({ run }) => run === this.#run).map(({ id }) => id));
    return lifecycle.reports().filter(({ id }) => open.has(id) && !known.has(id));
  }
}

/** Codes of the lifecycle for what is ended while it begins. */
const ENDED_FROM_OUTSIDE: readonly string[] = ['fault-ended', 'halted'];

/** The routes that a wire fault was injected on; none for a fault of the host. */
const routesOf = ({ type, route, routes }: FaultRequest): string[] =>
  // Toxics (tcp) are on the bytes of any protocol.
  routes.filter(({ name, protocol }) => (protocol === type || type === 'tcp') && (route === '' || route === name)).map(({ name }) => name);

const issueOf = ({ name, place }: Policy, message: string, hint: string): FileIssue => ({
  ...place,
  path: name,
  message,
  hint,
});
