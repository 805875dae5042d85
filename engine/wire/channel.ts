import { Worker } from 'node:worker_threads';
import { FirebreakError } from '../kernel/errors.ts';
import type { Answer, Order, Told, WorkerStart } from './messages.ts';
import type { TapBatch } from './tap.ts';

interface Pending {
  readonly order: Order;
  readonly resolve: (ports: readonly number[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Says why one route could not be opened. */
export class RouteFailure extends Error {
  readonly route: string;
  readonly code: string;
  constructor(route: string, code: string, message: string) {
    super(message);
    this.route = route;
    this.code = code;
  }
}

/** What a worker says without having been asked. */
export interface Hears {
  report(error: Error): void;
  traffic(batch: TapBatch): void;
}

/** A worker that dies this often in a row, without answering anything in between, is not started again. */
const MAX_DEATHS = 5;

/**
 * One worker thread and the orders it has not answered yet. A worker that dies is reported and started again; `restore`
 * says what the new one must be told before anything else.
 */
export class Channel {
  readonly #start: WorkerStart;
  readonly #url: URL;
  readonly #restore: () => readonly Order[];
  readonly #hears: Hears;
  readonly #pending = new Map<number, Pending>();
  #number = 0;
  #worker: Worker;
  #deaths = 0;
  #stopped = false;

  constructor(url: URL, start: WorkerStart, restore: () => readonly Order[], hears: Hears) {
    this.#url = url;
    this.#start = start;
    this.#restore = restore;
    this.#hears = hears;
    this.#worker = this.#spawn();
  }

  /** Resolves when the worker has done it; with the ports for `open`. */
  call(order: Order): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return reject(new FirebreakError('wire-closed', 'the data plane has been shut down'));
      this.#send({ order, resolve, reject });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#worker.terminate();
    this.#failAll(new FirebreakError('wire-closed', 'the data plane has been shut down'));
  }

  #send(pending: Pending): void {
    const number = ++this.#number;
    this.#pending.set(number, pending);
    this.#worker.postMessage({ number, order: pending.order });
  }
  #spawn(): Worker {
    const worker = new Worker(this.#url, { workerData: this.#start });
    worker.on('message', (message: Answer | Told) => {
      if ('traffic' in message) this.#hears.traffic(message.traffic);
      else this.#answered(message);
    });
    let reason: Error | undefined;
    worker.on('error', (error) => (reason = error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', (code) => {
      if (!this.#stopped) this.#died(reason ?? new Error(`a worker of the data plane ended with code ${code}`));
    });
    return worker;
  }
  #answered(answer: Answer): void {
    if (answer.number === 0) {
      if (!answer.ok) this.#hears.report(unasked(answer));
      return;
    }
    const pending = this.#pending.get(answer.number);
    this.#pending.delete(answer.number);
    this.#deaths = 0;
    if (answer.ok) pending?.resolve(answer.ports);
    else pending?.reject(new RouteFailure(answer.route, answer.code, answer.message));
  }
  #died(reason: Error): void {
    this.#hears.report(new FirebreakError('wire-worker-died', `a worker of the data plane died: ${reason.message}`, { cause: reason }));
    if (++this.#deaths >= MAX_DEATHS) {
      this.#stopped = true;
      return this.#failAll(reason);
    }
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    this.#worker = this.#spawn();
    for (const order of this.#restore()) {
      this.#send({ order, resolve: () => {}, reject: (error) => this.#hears.report(error instanceof Error ? error : new Error(String(error))) });
    }
    for (const pending of waiting) this.#send(pending);
  }
  #failAll(error: unknown): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function unasked({ route, code, message }: Answer & { ok: false }): Error {
  if (code === 'bug') return new FirebreakError('wire-bug', `a connection of route ${route} failed: ${message}`);
  return new RouteFailure(route, code, message);
}
