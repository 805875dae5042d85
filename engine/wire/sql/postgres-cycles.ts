import { IDLE } from './postgres-messages.ts';

/**
 * Counts what the client has asked and the server has answered: a cycle is what one ReadyForQuery ends (the startup, a
 * Query, a function call, a pipeline up to its Sync). Says whether a transaction is open, and errs on the side of yes.
 */
export class Cycles {
  /** Cycles that the client has sent to their end, and those that are answered. */
  sent = 0;
  answered = 0;
  /** Messages of a pipeline have gone to the server, and their Sync has not. */
  unsynced = false;
  /** A message of this pipeline was refused: the server skips to its Sync. */
  skipping = false;
  /** The client streams the data of a COPY. */
  copyIn = false;
  #status: number = IDLE;
  /** The status is of no use before so many cycles are answered: one of them may begin a transaction. */
  #uncertainUntil = 0;
  /** The pipeline under way may have begun a transaction. */
  #begun = false;
  #lastWasSync = false;

  /** Nothing is under way: the server waits for the client. */
  get idle(): boolean {
    return this.sent === this.answered && !this.unsynced && !this.copyIn;
  }
  /** All that was sent to its end is answered. */
  get caughtUp(): boolean {
    return this.answered >= this.sent;
  }
  /** Whether a transaction is open, or may be for all that is known. */
  get inTransaction(): boolean {
    return this.#status !== IDLE || this.#begun || this.answered < this.#uncertainUntil;
  }

  /** The client sends a message that is a cycle of its own. */
  single(mayBegin: boolean): void {
    this.sent++;
    this.#lastWasSync = false;
    this.#endPipeline(mayBegin);
  }
  /** The client sends a message of a pipeline. */
  piped(mayBegin: boolean): void {
    this.unsynced = true;
    if (mayBegin) this.#begun = true;
  }
  /** A message of a pipeline is refused, in a way that fails on the server too. */
  refused(): void {
    this.unsynced = this.skipping = true;
  }
  /** The client sends Sync. Within the data of a COPY the server does not hear it. */
  sync(): void {
    if (this.copyIn) return;
    this.sent++;
    this.#lastWasSync = true;
    this.#endPipeline(false);
  }
  #endPipeline(mayBegin: boolean): void {
    if (mayBegin || this.#begun) this.#uncertainUntil = this.sent;
    this.unsynced = this.skipping = this.#begun = false;
  }

  /** The server is ready for the next one. */
  ready(status: number): void {
    this.answered++;
    this.#status = status;
    // A server that answers more than was asked is not one that can be counted with; it must not look unanswered for ever.
    if (this.sent < this.answered) this.sent = this.answered;
    this.copyIn = false;
  }
  /** The server asks for the data of a COPY: a Sync that came with its Execute is not heard, and another one will follow. */
  copyInBegins(): void {
    this.copyIn = true;
    if (!this.#lastWasSync || this.caughtUp) return;
    this.sent = this.answered;
    this.unsynced = true;
  }
  copyInEnds(): void {
    this.copyIn = false;
  }
}
