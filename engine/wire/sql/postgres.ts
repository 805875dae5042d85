import { cancelKey, type Offer } from '../cancels.ts';
import type { Verdict } from '../effects.ts';
import type { Shown } from '../subject.ts';
import { WaitingSession } from '../waiting-session.ts';
import { judgeConnect } from './judge.ts';
import { type AnswerEvents, Answers, LONGEST_MESSAGE } from './postgres-answers.ts';
import { Cycles } from './postgres-cycles.ts';
import { ClientLook } from './postgres-look.ts';
import {
  answersFailing, CANCELLED, CLIENT, errorResponse, FAILING_EXECUTE, FAILING_QUERY, HEADER, IDLE, isFatal, READY,
} from './postgres-messages.ts';
import { DEFAULT_CONNECT_STATE, DEFAULT_STATE, errorOf, type Failing } from './postgres-refusal.ts';
import { readStartup } from './postgres-startup.ts';

/** What becomes of a message: more of it must come first, it passes, it waits, or it was dealt with and goes nowhere. */
type Step = 'more' | 'pass' | 'wait' | 'gone';

/** The one-byte answers to a request for encryption: no; and an error in the form of a message, of a very old server. */
const REFUSED = 0x4e;
const ERROR = 0x45;

/** One connection that speaks PostgreSQL's protocol 3 (PostgreSQL documentation, "Frontend/Backend Protocol"). */
export class PostgresSession extends WaitingSession implements AnswerEvents {
  readonly #answers = new Answers(this);
  readonly #cycles = new Cycles();
  readonly #look = new ClientLook(this.link, this.#cycles);
  /** The client has not said yet who it is. */
  #starting = true;
  /** Answers of one byte that the server owes to requests for encryption. */
  #encryptionAsked = 0;
  /** The messages of the client, and those of the server, cannot be told apart any more. */
  #clientOpaque = false;
  #upstreamOpaque = false;
  /** The message at the start of `held` was judged; before it there are so many bytes of its pipeline. */
  #judged = false;
  #looked = 0;
  /** Bytes of the message under way that are still to come. */
  #left = 0;
  /** Goes to the server in the place of the message that was refused last. */
  #instead: Uint8Array | undefined;
  /** What was refused and the server has not answered yet, in order; without a verdict its client has cancelled it. */
  readonly #refused: { readonly cycle: number; readonly verdict: Failing | undefined; readonly subject: Shown }[] = [];
  #faulted = false;
  /** By which its client cancels; the offer to do so; and that it has. */
  #cancelKey: bigint | undefined;
  #offer: Offer | undefined;
  #cancelled = false;

  protected override get answeredHere(): boolean {
    return this.#faulted;
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    let at = 0;
    while (this.#encryptionAsked > 0 && at < length && !this.#upstreamOpaque) at = this.#encryptionAnswered(bytes, at);
    if (this.#upstreamOpaque) this.answer(bytes, at, length);
    else this.#answers.read(bytes, at, length);
    if (this.wait === 'turn' && (this.#upstreamOpaque || this.#cycles.caughtUp) && !this.link.closing) this.#takeTurn();
    else this.#offerCancel();
  }
  override upstreamEnded(): void {
    this.#answers.end();
    super.upstreamEnded();
  }
  override closed(): void {
    this.#offer?.withdraw();
    super.closed();
  }

  protected override process(bytes: Buffer, end: number): number {
    let at = this.#looked;
    this.#looked = 0;
    let from = 0;
    // Where the pipeline under way begins, as far as it is here.
    let pipeline = 0;
    while (at < end && (!this.#clientOpaque || this.discarding)) {
      if (this.#left > 0) {
        const size = Math.min(this.#left, end - at);
        this.#left -= size;
        at += size;
        if (this.discarding) from = at;
        this.discarding &&= this.#left > 0;
        continue;
      }
      const judged = this.#judged;
      this.#judged = false;
      if (!judged && !this.#cycles.unsynced) pipeline = at;
      const step = this.#starting ? this.#startup(bytes, at, end, judged) : this.#message(bytes, at, end, judged);
      if (this.link.closing) return end;
      if (step === 'pass') continue;
      if (this.wait === 'delay') {
        // With its statement waits its pipeline: what is prepared for it on the server would hold locks meanwhile.
        const start = Math.max(from, pipeline);
        this.forward(bytes, from, start);
        this.#looked = at - start;
        this.#judged = true;
        return start;
      }
      this.forward(bytes, from, at);
      if (step !== 'gone') {
        this.#judged = step === 'wait' || judged;
        return at;
      }
      from = at;
      this.discarding = true;
      if (this.#instead !== undefined) this.link.toUpstream(this.#instead);
      this.#instead = undefined;
    }
    this.forward(bytes, from, end);
    return end;
  }

  #message(bytes: Buffer, at: number, end: number, judged: boolean): Step {
    if (end - at < HEADER) return 'more';
    const length = bytes.readInt32BE(at + 1);
    if (length < 4 || length > LONGEST_MESSAGE) return this.#lost('the bytes of the client are no message of PostgreSQL');
    if (this.#cancelled) {
      this.#cancelled = false;
      this.#left = 1 + length;
      return this.#refuse(undefined, this.told as Shown, bytes[at] === CLIENT.query);
    }
    const look = this.#look.message(bytes, at, Math.min(end, at + 1 + length), 1 + length, judged);
    if (look === 'more') return 'more';
    const step = look === 'pass' ? 'pass' : this.#impose(this.#look.verdict as Verdict, bytes[at] === CLIENT.query);
    if (step !== 'wait') this.#left = 1 + length;
    return step;
  }
  #startup(bytes: Buffer, at: number, end: number, judged: boolean): Step {
    const startup = readStartup(bytes, at, end);
    if (startup.kind === 'more') return 'more';
    if (startup.kind === 'unknown') return this.#lost(startup.why);
    if (startup.kind === 'cancel') {
      // The server must not hear of it as well: it would strike whatever this client asks next.
      if (this.link.route.cancels.cancel(cancelKey(this.link.route.slot, startup.secret))) {
        this.link.close();
        return 'gone';
      }
      this.#clientOpaque = this.#upstreamOpaque = true;
      return 'pass';
    }
    if (startup.kind === 'encryption') this.#encryptionAsked++;
    else {
      this.#look.context = startup.context;
      const { route } = this.link;
      const { statements, subject, context } = this.#look;
      const verdict = judged ? undefined : judgeConnect(route, statements, subject, context);
      if (verdict?.act === 'fail') return this.#answer(verdict, subject, DEFAULT_CONNECT_STATE, true);
      if (verdict !== undefined) return this.#impose(verdict, false);
      this.#starting = false;
      this.#cycles.single(false);
      if (startup.replication) {
        this.#clientOpaque = this.#upstreamOpaque = true;
        this.link.notUnderstood('the connection is for replication');
      }
    }
    this.#left = startup.size;
    return 'pass';
  }
  #lost(why: string): Step {
    this.#clientOpaque = true;
    this.link.notUnderstood(why);
    return 'pass';
  }

  #impose(verdict: Verdict, query: boolean): Step {
    const { acts } = this.link.route;
    const { subject } = this.#look;
    const cycles = this.#cycles;
    this.#faulted = true;
    if (verdict.act === 'delay') {
      this.delay(verdict, subject.kept());
      this.#offerCancel();
      return 'wait';
    }
    if (verdict.act === 'drop') {
      if (cycles.caughtUp) {
        acts.dropped(verdict, subject);
        this.link.reset();
        return 'gone';
      }
      this.awaitTurn(verdict, subject.kept());
      return 'wait';
    }
    return this.#refuse(verdict, subject.kept(), query);
  }
  #refuse(verdict: Failing | undefined, subject: Shown, query: boolean): Step {
    const cycles = this.#cycles;
    if (query && cycles.idle && !cycles.inTransaction && this.#answers.atBoundary) return this.#answer(verdict, subject, DEFAULT_STATE, false);
    // Whatever is under way on the server: it fails there in its turn, and takes its pipeline or its transaction with it.
    this.#instead = query ? FAILING_QUERY : FAILING_EXECUTE;
    this.#refused.push({ cycle: cycles.sent + 1, verdict, subject });
    if (query) cycles.single(false);
    else cycles.refused();
    return 'gone';
  }
  /** Answers with the error at once: nothing is under way. */
  #answer(verdict: Failing | undefined, subject: Shown, state: string, ends: boolean): Step {
    this.#faulted = true;
    if (verdict !== undefined) this.link.route.acts.failed(verdict, subject);
    if (this.#sendError(verdict, state, ends)) this.link.toClient(READY);
    return 'gone';
  }
  /** Returns whether the connection goes on. */
  #sendError(verdict: Failing | undefined, state: string, ends: boolean): boolean {
    const error = verdict === undefined ? CANCELLED : errorOf(verdict, state);
    const fatal = ends || isFatal(error);
    this.link.toClient(errorResponse(error, fatal));
    if (fatal) this.link.close();
    return !fatal;
  }
  /** All that came before the message which is to lose its connection is answered. */
  #takeTurn(): void {
    const verdict = this.takeVerdict();
    if (verdict?.act !== 'drop' || this.#upstreamOpaque || this.#cycles.inTransaction) return this.proceed();
    this.link.route.acts.dropped(verdict, this.told as Shown);
    this.link.reset();
  }

  /**
   * A statement that waits can be cancelled, as soon as those before it are answered: until then a cancel is meant for them.
   * It then fails like any other that is refused, only that no policy has done it.
   */
  #offerCancel(): void {
    if (this.wait !== 'delay' || this.#offer !== undefined || this.#cancelKey === undefined || !this.#cycles.caughtUp) return;
    this.#offer = this.link.route.cancels.offer(this.#cancelKey, this.link, () => {
      this.giveUp();
      this.#goOn(true);
    });
  }
  protected override delayOver(): void {
    this.#goOn(this.#offer?.withdraw() === false);
  }
  #goOn(cancelled: boolean): void {
    this.#offer = undefined;
    this.#cancelled = cancelled;
    this.proceed();
  }

  #encryptionAnswered(bytes: Buffer, at: number): number {
    const answer = bytes[at];
    this.#encryptionAsked--;
    if (answer === REFUSED) {
      this.answer(bytes, at, at + 1);
      return at + 1;
    }
    if (answer === ERROR) return at;
    this.#clientOpaque = this.#upstreamOpaque = true;
    this.link.notUnderstood('the connection is encrypted');
    return at;
  }

  // What the reader of answers tells:
  ready(status: number): void {
    this.#cycles.ready(status);
    while ((this.#refused[0]?.cycle ?? Infinity) <= this.#cycles.answered) this.#refused.shift();
    if (status === IDLE && this.#cycles.idle) this.#look.transactionOver();
  }
  keyData(secret: Buffer): void {
    this.#cancelKey = cancelKey(this.link.route.slot, secret);
  }
  copyIn(): void {
    this.#cycles.copyInBegins();
  }
  error(): void {
    this.#cycles.copyInEnds();
  }
  get wantsError(): boolean {
    return this.#refused.length > 0;
  }
  replaced(error: Buffer): boolean {
    if (!answersFailing(error)) return false;
    const refused = this.#refused.shift();
    if (refused === undefined) return false;
    if (refused.verdict !== undefined) this.link.route.acts.failed(refused.verdict, refused.subject);
    this.#sendError(refused.verdict, DEFAULT_STATE, false);
    return true;
  }
  broken(): void {
    this.#clientOpaque = this.#upstreamOpaque = true;
    this.link.notUnderstood('the bytes of the server are no message of PostgreSQL');
  }
}
