import { type Effect, type EffectFigure, type InjectContext } from '../../kernel/fault.ts';
import { Recovery } from '../../kernel/recovery.ts';
import { type Container, inspect, isUp } from '../../host/containers.ts';
import { figure, type Hands, type Live, type Measured } from './deed.ts';
import { deedOf, same } from './deeds.ts';
import { type ContainerParams } from './manifest.ts';
import { type ContainerUndo, type Touched } from './undo.ts';

const DONE = { pause: 'paused', stop: 'stopped', kill: 'killed', restart: 'restarted', disconnect: 'disconnected', limit: 'limited', stress: 'stressed' } as const;

/** One fault in motion: treats the containers that were planned, and counts what can really be seen. */
export class Treatment implements Disposable {
  readonly #hands: Hands;
  readonly #undo: ContainerUndo;
  readonly #context: InjectContext<ContainerParams, ContainerUndo>;
  readonly #live: Live;
  readonly #recovery: Recovery;
  readonly #planned: number;
  readonly #taken: Touched[] = [];
  /** What is brought back by others was there all the same. */
  readonly #seen = new Set<Touched>();
  /** Containers that are no longer what was planned. */
  readonly #missed: string[] = [];

  constructor(hands: Hands, undo: ContainerUndo, context: InjectContext<ContainerParams, ContainerUndo>) {
    this.#hands = hands;
    this.#undo = undo;
    this.#planned = undo.touched.length;
    this.#context = context;
    this.#recovery = new Recovery(hands.clock);
    const { params, hold } = context.request;
    this.#live = { params, hold, amend: () => context.amend(undo), samples: new Map() };
  }

  /** @throws FirebreakError when the engine refuses; what was done by then is in the record. */
  async begin(): Promise<void> {
    const still: { readonly one: Touched; readonly container: Container }[] = [];
    for (const one of this.#undo.touched) {
      const container = await same(this.#hands, one);
      if (typeof container === 'string') this.#missed.push(container);
      else still.push({ one, container });
    }
    const { signal } = this.#context;
    signal.throwIfAborted();
    // From now on what is asked of the engine may come to pass, even if this process does not live to see it. The others are
    // not ours to give back: who has paused one meanwhile wants it paused.
    this.#undo.asked = true;
    this.#undo.touched = still.map(({ one }) => one);
    this.#context.amend(this.#undo);
    this.#taken.push(...still.map(({ one }) => one));
    this.#watchRecovery();
    const results = await Promise.allSettled(
      still.map(async ({ one, container }) => {
        const done = await deedOf(one).act(this.#hands, one, container, this.#live);
        this.#context.injected(`${done}: container ${one.name}`);
      }),
    );
    // Only now: the others are not to go on while this one's failure is being reverted.
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async measure(): Promise<Effect> {
    const { action } = this.#live.params;
    const lasting = action !== 'kill' && action !== 'restart';
    const figures: EffectFigure[] = [];
    const notes: string[] = [];
    let done = 0;
    for (const one of this.#taken) {
      const { holds, figures: more, note = '' }: Measured = await deedOf(one).measure(this.#hands, one, this.#live);
      if (holds) this.#seen.add(one);
      if (lasting ? holds : this.#seen.has(one)) done++;
      figures.push(...more);
      notes.push(note, lasting ? await this.#became(one) : '');
    }
    const asked = this.#planned;
    return {
      bitten: done > 0 && done * 2 >= asked,
      detail: [`${done} of ${asked} containers ${DONE[action]}`, this.#recovery.describe(), ...notes, ...this.#missed].filter(Boolean).join('; '),
      figures: [figure(`containers ${DONE[action]}`, 'count', asked, done), ...figures, ...this.#recovery.figures],
    };
  }

  /** What somebody else has made of a container that was to stay as it was; '' when it is that. */
  async #became({ id, name, started }: Touched): Promise<string> {
    const now = await inspect(this.#hands.api, id);
    if (now === undefined) return `${name} is gone`;
    return now.State.StartedAt === started ? '' : `${name} was restarted meanwhile`;
  }

  [Symbol.dispose](): void {
    this.#recovery[Symbol.dispose]();
  }

  /** How long whoever supervises the containers takes to have all of them up, and healthy where they say so. */
  #watchRecovery(): void {
    const { action } = this.#live.params;
    if (this.#taken.length === 0 || (action !== 'kill' && action !== 'restart')) return;
    this.#recovery.watch(
      async () => (await Promise.all(this.#taken.map((one) => this.#isBack(one)))).every(Boolean),
      (ms) => this.#context.injected(`the containers were all up again after ${Math.round(ms)} ms`),
    );
  }

  async #isBack({ id, started }: Touched): Promise<boolean> {
    const now = await inspect(this.#hands.api, id);
    const health = now?.State.Health?.Status ?? '';
    return now !== undefined && isUp(now) && now.State.StartedAt !== started && ['', 'none', 'healthy'].includes(health);
  }
}
