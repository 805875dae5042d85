import type { TrafficBatch } from '../contract/room.ts';
import { LISTEN, LISTEN_WORD, type SharedMemory, UNTAKEN_WORDS } from './shared.ts';
import type { TapBatch } from './tap.ts';

interface Reader {
  readonly passing: boolean;
  readonly take: (batch: TrafficBatch) => void;
}

/** The engine's end of the taps: who reads, and the number of each line. */
export class Listeners {
  readonly #words: Int32Array;
  readonly #readers = new Set<Reader>();
  #seq = 0;

  constructor(shared: SharedMemory) {
    this.#words = new Int32Array(shared.control);
  }

  /** Calls back with each batch until disposed. `passing`: with a sample of the untouched messages too. */
  listen(passing: boolean, take: (batch: TrafficBatch) => void): Disposable {
    const reader = { passing, take };
    this.#readers.add(reader);
    this.#tell();
    return {
      [Symbol.dispose]: () => {
        this.#readers.delete(reader);
        this.#tell();
      },
    };
  }

  /** A batch from a worker: the worker may send the next one now. */
  received(worker: number, { lines, leftOut }: TapBatch): void {
    Atomics.store(this.#words, UNTAKEN_WORDS + worker, 0);
    const all = { lines: lines.map((line) => ({ seq: ++this.#seq, ...line })), leftOut };
    const touched = { lines: all.lines.filter(({ action }) => action !== 'pass'), leftOut };
    for (const { passing, take } of [...this.#readers]) {
      const batch = passing ? all : touched;
      if (batch.lines.length > 0 || leftOut > 0) take(batch);
    }
  }

  #tell(): void {
    const readers = [...this.#readers];
    const mode = readers.length === 0 ? LISTEN.nobody : readers.some(({ passing }) => passing) ? LISTEN.all : LISTEN.touched;
    Atomics.store(this.#words, LISTEN_WORD, mode);
  }
}
