/** A callback that is to ring at `due`; give it back to `cancel` to stop it. */
export interface Alarm {
  /** On the clock of performance.now(), in milliseconds. */
  due: number;
  readonly ring: () => void;
  /** Place in the heap; -1 once it rang or was cancelled. */
  slot: number;
}

/**
 * Milliseconds before the next alarm at which the coarse timer hands over to spinning. Node's timers count whole
 * milliseconds of a cached loop time and fire up to 1 ms late; 2 leaves one more for a busy machine.
 */
const APPROACH = 2;

/**
 * Rings callbacks within a fraction of a millisecond of when they are due, never early. A coarse timer sleeps until
 * shortly before the first alarm; only the rest is spent turning the event loop, which goes on serving sockets meanwhile.
 * With nothing due it costs nothing. Alarms that are due together ring in the order of their due times.
 */
export class PreciseTimer {
  readonly #heap: Alarm[] = [];
  #coarse: NodeJS.Timeout | undefined;
  #coarseAt = Infinity;
  #spinning = false;

  /** How many alarms are set. */
  get size(): number {
    return this.#heap.length;
  }

  /** Rings `delay` milliseconds (fractions allowed) from now; 0 rings on the next turn of the loop. */
  after(delay: number, ring: () => void): Alarm {
    return this.at(performance.now() + delay, ring);
  }

  /** Rings at `due` on the clock of performance.now(). */
  at(due: number, ring: () => void): Alarm {
    const alarm = { due, ring, slot: this.#heap.length };
    this.#heap.push(alarm);
    this.#up(alarm);
    this.#arm();
    return alarm;
  }

  /** Stops an alarm; no effect when it rang already. */
  cancel(alarm: Alarm): void {
    if (alarm.slot < 0) return;
    this.#take(alarm);
    if (this.#heap.length === 0) this.#disarm();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || this.#spinning) return;
    const wait = Math.floor(first.due - performance.now() - APPROACH);
    if (wait < 1) {
      this.#disarm();
      this.#spinning = true;
      setImmediate(this.#spin);
    } else if (first.due < this.#coarseAt) {
      this.#disarm();
      this.#coarseAt = first.due;
      this.#coarse = setTimeout(this.#wake, wait);
    }
  }
  #disarm(): void {
    clearTimeout(this.#coarse);
    this.#coarse = undefined;
    this.#coarseAt = Infinity;
  }
  readonly #wake = (): void => {
    this.#disarm();
    this.#arm();
  };
  readonly #spin = (): void => {
    for (let first = this.#heap[0]; first !== undefined && first.due <= performance.now(); first = this.#heap[0]) {
      this.#take(first);
      first.ring();
    }
    this.#spinning = false;
    this.#arm();
  };

  #take(alarm: Alarm): void {
    const last = this.#heap.pop() as Alarm;
    if (last !== alarm) {
      this.#heap[(last.slot = alarm.slot)] = last;
      this.#up(last);
      this.#down(last);
    }
    alarm.slot = -1;
  }
  #up(alarm: Alarm): void {
    while (alarm.slot > 0) {
      const parent = this.#heap[(alarm.slot - 1) >> 1] as Alarm;
      if (parent.due <= alarm.due) return;
      this.#swap(parent, alarm);
    }
  }
  #down(alarm: Alarm): void {
    for (;;) {
      const left = this.#heap[2 * alarm.slot + 1];
      const right = this.#heap[2 * alarm.slot + 2];
      const child = right !== undefined && left !== undefined && right.due < left.due ? right : left;
      if (child === undefined || child.due >= alarm.due) return;
      this.#swap(alarm, child);
    }
  }
  /** Exchanges a parent with its child; the child goes up. */
  #swap(parent: Alarm, child: Alarm): void {
    const slot = parent.slot;
    this.#heap[(parent.slot = child.slot)] = parent;
    this.#heap[(child.slot = slot)] = child;
  }
}

/**
 * The clock's `after` and `every` for threads that must start small: clock.ts brings the schema library with it, 15 MB
 * and 0.1 s in each worker. Neither keeps a thread alive.
 */
export function later(delay: number, ring: () => void): Disposable {
  const timer = setTimeout(ring, delay).unref();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
/** Clock.wall for such threads: milliseconds since 1970. */
export const wallTime = (): number => Date.now();
/** Calls back every `period` milliseconds until disposed. */
export function everyPeriod(period: number, ring: () => void): Disposable {
  const timer = setInterval(ring, period).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
