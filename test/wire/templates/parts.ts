import { type RunOutcome } from '../../../engine/contract/api.ts';
import { type Service } from '../../support/template.ts';

/** A service in front of what a template strikes, and what it noticed. */
export interface Noticing extends Service {
  /** How often each thing that a fault can do was noticed so far. */
  readonly noticed: Readonly<Record<string, number>>;
}
/** Counts by name. */
export class Tally {
  readonly counts: Record<string, number> = {};
  add(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

/** One template of the library and two services: one that does what the file teaches, and one that does not. */
export interface Case extends AsyncDisposable {
  readonly upstream: string;
  readonly edits?: readonly (readonly [string | RegExp, string])[];
  readonly durationMs?: number;
  service(careful: boolean): (listen: string, ca: string) => Promise<Noticing>;
  /** What the service that is careful must have noticed, and what is true of the world when it has gone. */
  learnt(noticed: Noticing['noticed'], outcome: RunOutcome): void | Promise<void>;
}

/** So often a careful service tries before it gives up: no share of failures below one half lasts so long. */
const TRIES = 30;
/** Does it, and again while it fails with what is meant to be tried again. Any other failure is the caller's. */
export async function again<Result>(careful: boolean, meant: (error: unknown) => boolean, work: () => Promise<Result>): Promise<Result> {
  for (let left = careful ? TRIES : 1; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 1 || !meant(error)) throw error;
    }
  }
}

/** Does it so many times at once: few customers come in a run of seconds, so each of them wants more. */
export async function times(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  const ends = await Promise.allSettled(Array.from({ length: count }, (_, index) => work(index)));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
