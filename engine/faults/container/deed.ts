import { type Clock } from '../../kernel/clock.ts';
import { type EffectFigure } from '../../kernel/fault.ts';
import { type Container } from '../../host/containers.ts';
import { type DockerApi } from '../../host/docker.ts';
import { type ContainerParams } from './manifest.ts';
import { type Prior, type Touched } from './undo.ts';

export interface Hands {
  readonly api: DockerApi;
  readonly clock: Clock;
}

/** One container in the hands of a deed, with what it was before. */
export type Subject<Kind extends Prior['kind']> = Omit<Touched, 'prior'> & { readonly prior: Extract<Prior, { kind: Kind }> };

/** While it lasts: the fault may write a longer record, and keeps what it measured last. */
export interface Live {
  readonly params: ContainerParams;
  readonly hold: number;
  /** Commits the record after the subject's prior has been added to. */
  amend(): void;
  readonly samples: Map<string, { readonly at: number; readonly value: number }>;
}

export interface Measured {
  readonly holds: boolean;
  readonly figures: readonly EffectFigure[];
  /** Why it cannot be seen, for people. */
  readonly note?: string;
}

/** One way to treat a container, with its inverse. Every part but `act` may be called twice, and in another process. */
export interface Deed<Kind extends Prior['kind']> {
  /** Read-only: what must be known to undo it. @throws FirebreakError when this container cannot be treated so. */
  prepare(hands: Hands, container: Container, params: ContainerParams, token: string): Promise<Extract<Prior, { kind: Kind }>>;
  /** @returns what was done, for people: `paused`. */
  act(hands: Hands, subject: Subject<Kind>, container: Container, live: Live): Promise<string>;
  /** Whether it can be seen now, and its figures. */
  measure(hands: Hands, subject: Subject<Kind>, live: Live): Promise<Measured>;
  /** What is left of it, in words: `paused`; '' when nothing is, or the container is gone. */
  left(hands: Hands, subject: Subject<Kind>): Promise<string>;
  /** Only called while something is left, or while what was asked for may still come to pass. */
  undo(hands: Hands, subject: Subject<Kind>): Promise<void>;
}

export const figure = (name: string, unit: EffectFigure['unit'], requested: number, delivered: number | null): EffectFigure =>
  ({ name, unit, requested, delivered, samples: delivered === null ? 0 : 1 });
