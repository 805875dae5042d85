import { type Effect } from '../../engine/kernel/fault.ts';

/** One fault with a number, and what it is put on; or several that were measured in another place. */
export type Case = {
  readonly name: string;
  /** Why it cannot be measured here, or false. */
  readonly skip?: string | false;
} & ({ readonly stage: () => Promise<Stage> } | { readonly measured: () => Promise<readonly Measured[]> });
/** What a fault has delivered. */
export interface Measured {
  /** Of several, which; '' for the only one. */
  readonly name: string;
  readonly effect: Effect;
  readonly reverted: boolean;
}
/** A real target, in use for as long as it is there. */
export interface Stage extends AsyncDisposable {
  /** The policy, without its name. */
  readonly policy: string;
  readonly routes?: string;
  /** Called with where the first route listens. */
  readonly busy?: (listen: string) => Promise<AsyncDisposable>;
}

/** Does it again and again until disposed; failures are what it is for. */
export function again(act: () => Promise<unknown>): AsyncDisposable {
  let over = false;
  const loop = async (): Promise<void> => {
    while (!over) await act().catch(() => {});
  };
  const all = Promise.all(Array.from({ length: 4 }, loop));
  return {
    [Symbol.asyncDispose]: async () => {
      over = true;
      await all;
    },
  };
}
