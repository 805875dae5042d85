import { existsSync, readSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { messageOf } from '../../kernel/errors.ts';
import { keyedRandom } from '../../kernel/random.ts';
import { tracerOf } from '../call-errors.ts';
import { callOf, kindOf } from '../call-kinds.ts';
import { ASK, type FileGuard, type FileQuestion, openGuard, waitFor } from '../fanotify.ts';
import { type GuardOrder } from '../file-guard.ts';
import { GuardedFolders } from '../guarded-folders.ts';
import { selectorOf } from '../process-targets.ts';
import { Touchers } from '../touchers.ts';
import { argument } from './lifeline.ts';

/**
 * Answers for the files of a folder. Started by host/file-guard.ts with --order (JSON), --lease, --hold and a mark. One thread that
 * waits for nothing but the kernel: whoever touches a file there waits for it. All go on when this process ends, however it does.
 */

/** How often what was struck is told, in milliseconds. A pipe that nobody reads is full long after the lease is over. */
const TELL = 200;
/** Its niceness (nice(2)). */
const AHEAD = -10;
/** How long a thread that asks may take until it waits for the answer, and shows what it is doing, in milliseconds. */
const SURE = 100;
/** Answers that are held back at most; what comes beyond that passes. */
const MOST_HELD = 400;

interface Held {
  readonly question: FileQuestion;
  readonly error: number;
  readonly asked: number;
}

class Judge {
  readonly #order: GuardOrder;
  readonly #guard: FileGuard;
  readonly #touchers: Touchers;
  readonly #held: Held[] = [];
  readonly #unsure: { readonly question: FileQuestion; readonly asked: number }[] = [];
  /** The calls that were looked at, those of them struck, and those that could not be told apart, or held back. */
  readonly counts = { matched: 0, struck: 0, unknown: 0, passed: 0, delayed: 0, waited: 0 };

  constructor(order: GuardOrder, guard: FileGuard) {
    this.#order = order;
    this.#guard = guard;
    this.#touchers = new Touchers(order.room, order.processes === '' ? undefined : selectorOf(order.processes));
  }

  /** Milliseconds until the next answer is due. */
  next(now: number): number {
    const [first] = this.#held;
    if (this.#unsure.length > 0) return 1;
    return first === undefined ? TELL : Math.max(0, first.asked + this.#order.delay - now);
  }

  answerDue(now: number): void {
    // All are held for the same time: the first to come is the first to go.
    while (this.#held[0] !== undefined && this.#held[0].asked + this.#order.delay <= now) {
      const { question, error, asked } = this.#held.shift() as Held;
      this.#guard.answer(question, error);
      this.counts.delayed++;
      this.counts.waited += performance.now() - asked;
    }
  }

  /** @param asked when it was read. */
  judge(question: FileQuestion, asked: number): void {
    let error = 0;
    let later = false;
    try {
      const strikes = this.#strikes(question, asked);
      later = strikes === undefined;
      if (strikes === undefined) this.#unsure.push({ question, asked });
      if (strikes !== true) return;
      if (this.#held.length >= MOST_HELD) {
        this.counts.passed++;
        return;
      }
      error = this.#order.error;
      later = this.#order.delay > 0;
      if (later) this.#held.push({ question, error, asked });
      this.counts.struck++;
    } catch {
      error = 0;
    } finally {
      if (!later) this.#guard.answer(question, error);
    }
  }

  /** Looks again at those of which it could not be said what they do. */
  judgeAgain(): void {
    for (const { question, asked } of this.#unsure.splice(0)) this.judge(question, asked);
  }

  /** Undefined when that cannot be said yet. */
  #strikes(question: FileQuestion, asked: number): boolean | undefined {
    const { operation, every, probability, seed, tracer } = this.#order;
    const { thread, mask, fd } = question;
    if (!this.#touchers.may(thread, asked)) return false;
    if ((mask & ASK.open) === 0) {
      // What a process does that is traced is struck there.
      if (tracer > 0 && existsSync(`/proc/${tracer}/task/${tracerOf(thread)}`)) return false;
      const call = (mask & ASK.access) === 0 ? callOf(thread) : undefined;
      if (call === 'running' && performance.now() - asked < SURE) return undefined;
      const kind = (mask & ASK.access) !== 0 ? 'read' : call === undefined || call === 'running' ? undefined : kindOf(thread, call, fd);
      if (kind === undefined) this.counts.unknown++;
      if (kind === undefined || (operation !== 'any' && operation !== kind)) return false;
    }
    const index = this.counts.matched++;
    return (index + 1) % every === 0 && (probability >= 1 || keyedRandom(seed, 0, index) < probability);
  }
}

const report = (news: object): void => void writeSync(1, `${JSON.stringify(news)}\n`);

function serve(): void {
  const order = JSON.parse(argument('order')) as GuardOrder;
  const [lease, hold] = [Number(argument('lease')), Number(argument('hold'))];
  using guard = openGuard();
  const judge = new Judge(order, guard);
  const asks = (['any', 'open'].includes(order.operation) ? ASK.open : 0) | (order.operation === 'open' ? 0 : order.writes ? ASK.preAccess : ASK.access);
  using folders = new GuardedFolders(order.folder, guard, asks);
  const input = Buffer.alloc(4_096);
  const begun = performance.now();
  let renewed = begun;
  let told = begun;
  report({ ready: true, folders: folders.count, left: folders.left });
  for (let now = begun; now - renewed < lease && now - begun < hold; now = performance.now()) {
    judge.answerDue(now);
    const [asked, changed, spoken] = waitFor([guard.fd, folders.fd, 0], Math.ceil(Math.min(judge.next(now), TELL)));
    const come = performance.now();
    for (const question of asked ? guard.questions() : []) {
      judge.answerDue(performance.now());
      judge.judge(question, come);
    }
    judge.judgeAgain();
    if (changed) folders.follow();
    if (spoken) {
      if (readSync(0, input, 0, input.length, null) === 0) return;
      renewed = performance.now();
    }
    if (performance.now() - told >= TELL) {
      told = performance.now();
      report({ ...judge.counts, folders: folders.count, left: folders.left, at: Math.round(told) });
    }
  }
}

process.on('SIGTSTP', () => {});
try {
  // On a busy machine it goes first: others wait for it.
  setPriority(AHEAD);
} catch {
  // not permitted
}
try {
  serve();
} catch (error) {
  report({ problem: messageOf(error) });
}
process.exit(0);
