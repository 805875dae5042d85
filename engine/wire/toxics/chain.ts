import type { Pipe, PipeStages } from '../pipe.ts';
import type { Toxic } from './spec.ts';
import type { Held, Sink, Stage } from './stage.ts';
import { STAGES } from './stages.ts';

/** The toxics of one direction of one connection, in file order, between its writer and its socket. */
export class Chain implements PipeStages {
  readonly pipe: Pipe;
  readonly #held: Held;
  readonly #sink: Sink;
  readonly #stages: Stage[] = [];
  #cut = false;

  /** `held` is what all stages share, but for what concerns this direction alone. */
  constructor(pipe: Pipe, held: Omit<Held, 'cutAfter' | 'freed'>) {
    this.pipe = pipe;
    this.#held = { ...held, cutAfter: () => (this.#cut = true), freed: () => pipe.freed() };
    this.#sink = {
      take: (bytes) => pipe.send(bytes),
      end: () => (this.#cut ? held.finish() : pipe.finish()),
      get full() {
        return pipe.socketFull;
      },
    };
  }

  /** Takes out the stages of toxics that are no longer wanted, then adds those that are new behind the others. */
  set(wanted: readonly Toxic[]): void {
    const wasThere = this.#stages.length > 0;
    for (const stage of this.#stages.filter(({ toxic }) => !wanted.some(({ id }) => id === toxic.id))) this.#remove(stage);
    for (const toxic of wanted) {
      if (toxic.kind === 'down' || this.#stages.some((stage) => stage.toxic.id === toxic.id)) continue;
      this.#stages.push(new STAGES[toxic.kind](toxic, this.#held));
      this.#link();
    }
    this.pipe.stages = this.#stages.length === 0 ? undefined : this;
    // Whoever waited for a neighbour that is gone, or for the socket alone, may go on; and so may the writer.
    if (!wasThere) return;
    this.drained();
    this.pipe.freed();
  }

  take(bytes: Uint8Array): void {
    (this.#stages[0] ?? this.#sink).take(bytes, false);
  }
  end(): void {
    (this.#stages[0] ?? this.#sink).end();
  }
  get full(): boolean {
    return this.#stages[0]?.full ?? false;
  }
  drained(): void {
    for (const stage of this.#stages.toReversed()) stage.pump();
  }
  closed(): void {
    for (const stage of this.#stages) stage.dispose();
  }

  /** What it held goes on in order, ahead of what the stages before it still hold. */
  #remove(stage: Stage): void {
    stage.release();
    this.#stages.splice(this.#stages.indexOf(stage), 1);
    this.#link();
  }
  #link(): void {
    this.#stages.forEach((stage, i) => {
      stage.next = this.#stages[i + 1] ?? this.#sink;
      stage.before = this.#stages[i - 1];
    });
  }
}
