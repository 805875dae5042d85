import { type RunId } from '../../kernel/brands.ts';
import { type FaultRequest } from '../../kernel/fault.ts';
import { type Blueprint } from './blueprint.ts';
import { type Others } from './plan.ts';

type Of = Pick<FaultRequest, 'run' | 'policy'>;

/** The faults of this process: what is under way, and what was planned last, so that policies of one file see each other. */
export class Known {
  readonly #live = new Map<string, { readonly run: RunId; readonly policy: string; readonly plan: Blueprint }>();
  #run: RunId | undefined;
  #planned = new Map<string, readonly Blueprint[]>();

  /** All but those of this very policy. */
  others({ run, policy }: Of): Others {
    const planned = run === this.#run ? [...this.#planned].flatMap(([name, plans]) => plans.map((plan) => ({ run, policy: name, plan }))) : [];
    const own = (one: Of): boolean => one.run === run && one.policy === policy;
    return [...planned.filter((one) => !this.#live.has(one.plan.token)), ...this.#live.values()].filter((one) => !own(one));
  }

  planned({ run, policy }: Of, plans: readonly Blueprint[]): void {
    if (run !== this.#run) this.#planned = new Map();
    this.#run = run;
    this.#planned.set(policy, plans);
  }

  live({ run, policy }: Of, plan: Blueprint): void {
    this.#live.set(plan.token, { run, policy, plan });
  }

  forget({ token }: Blueprint): void {
    this.#live.delete(token);
    for (const [policy, plans] of this.#planned) this.#planned.set(policy, plans.filter((plan) => plan.token !== token));
  }
}
