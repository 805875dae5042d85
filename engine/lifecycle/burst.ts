import { type Clock } from '../kernel/clock.ts';

/** Injected faults are reported at once, then at most so often, in milliseconds. */
const PERIOD = 100;

/** Gathers what an injector reports, so that a burst of faults is a few events and not thousands. */
export class Burst {
  readonly #clock: Clock;
  readonly #report: (count: number, detail: string) => void;
  #count = 0;
  #detail = '';
  #open = false;

  /** `report` is called with how many there were since the last time, and the words of the newest. */
  constructor(clock: Clock, report: (count: number, detail: string) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  add(detail: string): void {
    this.#count++;
    this.#detail = detail;
    if (this.#open) return;
    this.#flush();
    this.#open = true;
    this.#clock.after(PERIOD, () => {
      this.#open = false;
      this.#flush();
    });
  }

  #flush(): void {
    const count = this.#count;
    this.#count = 0;
    if (count > 0) this.#report(count, this.#detail);
  }
}
