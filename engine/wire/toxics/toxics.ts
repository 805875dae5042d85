import { everyPeriod, PreciseTimer } from '../../kernel/precise-timer.ts';
import type { SlottedPolicy } from '../effects.ts';
import type { OpenRoute } from '../open-route.ts';
import { type SharedMemory } from '../shared.ts';
import { type Around, ConnectionGrip, judge, type Struck, tellActed } from './grip.ts';
import { strikes, type Toxic, toxicsOf } from './spec.ts';

/** Milliseconds between two looks at the HALT word while toxics are in force; HALT must act within 50 ms. */
const HALT_LOOK = 5;

/** A connection whose grip can be set. */
interface Gripped extends Struck {
  grip: unknown;
}

/** The worker as its toxics see it. */
interface Ground<Connection> {
  /** Those that are open. */
  connections(): Iterable<Connection>;
  /** Other toxics are in force: which routes are down may have changed. */
  changed(): void;
}

/**
 * The toxics of one worker. Each change reaches every open connection before it is answered for; new connections meet the
 * toxics before their first byte. On HALT all let go at once, without a message.
 */
export class Toxics<Connection extends Gripped> {
  readonly #around: Around;
  readonly #numbers: Int32Array;
  readonly #halted: () => boolean;
  readonly #ground: Ground<Connection>;
  readonly #grips = new WeakMap<Connection, ConnectionGrip>();
  #installed: readonly Toxic[] = [];
  /** Those in force: none during HALT. */
  #toxics: readonly Toxic[] = [];
  #looking: Disposable | undefined;

  constructor(shared: SharedMemory, around: Omit<Around, 'timer'>, halted: () => boolean, ground: Ground<Connection>) {
    this.#around = { ...around, timer: new PreciseTimer() };
    this.#numbers = new Int32Array(shared.connections);
    this.#halted = halted;
    this.#ground = ground;
  }

  /** Brings the toxics among these policies into force, in place of the ones before. */
  install(policies: readonly SlottedPolicy[]): void {
    this.#installed = toxicsOf(policies);
    if (this.#installed.length === 0) {
      this.#looking?.[Symbol.dispose]();
      this.#looking = undefined;
    } else this.#looking ??= everyPeriod(HALT_LOOK, () => this.#look());
    this.#enforce(this.#halted() ? [] : this.#installed);
  }
  #look(): void {
    const halted = this.#halted();
    if (halted !== (this.#toxics.length === 0)) this.#enforce(halted ? [] : this.#installed);
  }
  #enforce(toxics: readonly Toxic[]): void {
    if (this.#toxics.length === 0 && toxics.length === 0) return;
    this.#toxics = toxics;
    for (const connection of [...this.#ground.connections()]) {
      const grip = this.#gripOf(connection, this.#of(connection.route.name));
      connection.grip = grip;
    }
    this.#ground.changed();
  }

  /** The number of a connection that was just accepted. */
  numberOf(slot: number): number {
    return Atomics.add(this.#numbers, slot, 1);
  }
  /** The toxics by which the route is down for everybody: it is then not to listen. */
  shut(route: string): readonly Toxic[] {
    return this.#of(route).filter(({ kind, toxicity }) => kind === 'down' && toxicity >= 1);
  }
  /** Whether the route is down for a connection of this number: it is then to be reset. */
  refuses(route: Pick<OpenRoute, 'name' | 'protocol' | 'slot'>, number: number): boolean {
    if (this.#toxics.length === 0 || this.#halted()) return false;
    const down = this.#of(route.name).find((toxic) => toxic.kind === 'down' && strikes(toxic, number));
    if (down === undefined) return false;
    judge(this.#around, down, number);
    tellActed(this.#around, { route, number }, down, 'drop', 0);
    return true;
  }
  /** What holds of a new connection; its first byte has not been read yet. */
  admit(connection: Connection): ConnectionGrip | undefined {
    if (this.#toxics.length === 0 || this.#halted()) return undefined;
    return this.#gripOf(connection, this.#of(connection.route.name));
  }

  #of(route: string): readonly Toxic[] {
    return this.#toxics.filter((toxic) => toxic.route === '' || toxic.route === route);
  }
  #gripOf(connection: Connection, toxics: readonly Toxic[]): ConnectionGrip | undefined {
    const known = this.#grips.get(connection);
    if (known === undefined && toxics.length === 0) return undefined;
    const grip = known ?? new ConnectionGrip(connection, this.#around);
    if (known === undefined) this.#grips.set(connection, grip);
    grip.set(toxics);
    return grip;
  }
}
