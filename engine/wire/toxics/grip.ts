import type { TrafficAction } from '../../contract/room.ts';
import type { PreciseTimer } from '../../kernel/precise-timer.ts';
import type { Grip, OpenRoute } from '../open-route.ts';
import type { Pipe } from '../pipe.ts';
import { POLICY, ROUTE, type Shard } from '../shared.ts';
import type { Tap } from '../tap.ts';
import { Chain } from './chain.ts';
import { strikes, type Stream, type Toxic } from './spec.ts';
import type { Held } from './stage.ts';

/** A connection as toxics see it. */
export interface Struck {
  readonly route: Pick<OpenRoute, 'name' | 'protocol' | 'slot'>;
  readonly number: number;
  readonly client: Pipe;
  readonly upstream: Pipe | undefined;
  finish(): void;
  resetBoth(): void;
}

/** What all connections of one worker share. */
export interface Around {
  readonly timer: PreciseTimer;
  readonly shard: Shard;
  readonly tap: Tap;
}

/** Where an act is counted: for the route and for the policy. */
const CELLS: Readonly<Partial<Record<TrafficAction, readonly [number | undefined, number]>>> = {
  latency: [ROUTE.latencies, POLICY.latencies],
  drop: [ROUTE.drops, POLICY.drops],
  error: [ROUTE.errors, POLICY.errors],
  throttle: [undefined, POLICY.throttled],
};

/** Counts and tells that a toxic acted on a connection. */
export function tellActed({ shard, tap }: Around, { route, number }: Pick<Struck, 'route' | 'number'>, toxic: Toxic, action: TrafficAction, ms: number): void {
  shard.route(route.slot, ROUTE.faults);
  const [ofRoute, ofPolicy] = CELLS[action] ?? [];
  if (ofRoute !== undefined) shard.route(route.slot, ofRoute);
  if (ofPolicy !== undefined) shard.policy(toxic.slot, ofPolicy);
  if (action === 'latency') shard.policy(toxic.slot, POLICY.delaySum, ms);
  if (!tap.on) return;
  const head = `${toxic.kind} on the bytes ${toxic.stream} of connection ${number}`;
  tap.toxic(route, { method: toxic.stream, target: `connection ${number}`, traceId: '', requestId: '', head }, action, toxic.policy, ms);
}

/** Whether the toxic takes hold of a connection of this number; counted, so ask once. */
export function judge({ shard }: Pick<Around, 'shard'>, toxic: Toxic, number: number): boolean {
  const struck = strikes(toxic, number);
  shard.policy(toxic.slot, POLICY.matched);
  if (struck) shard.policy(toxic.slot, POLICY.struck);
  return struck;
}

/** What toxics hold of one connection: a chain for each direction. */
export class ConnectionGrip implements Grip {
  readonly #connection: Struck;
  readonly #around: Around;
  readonly #held: Omit<Held, 'cutAfter' | 'freed'>;
  /** Thrown once for each toxic: the same toxic holds both upstream connections of a client, or neither. */
  readonly #struck = new Map<string, boolean>();
  #toxics: readonly Toxic[] = [];
  #down: Chain | undefined;
  #up: Chain | undefined;

  constructor(connection: Struck, around: Around) {
    this.#connection = connection;
    this.#around = around;
    this.#held = {
      number: connection.number,
      timer: around.timer,
      shard: around.shard,
      acted: (toxic, action, ms) => tellActed(around, connection, toxic, action, ms),
      finish: () => connection.finish(),
      resetBoth: () => connection.resetBoth(),
    };
  }

  /** These are the toxics of its route now, in file order. */
  set(toxics: readonly Toxic[]): void {
    for (const id of this.#struck.keys()) if (!toxics.some((toxic) => toxic.id === id)) this.#struck.delete(id);
    this.#toxics = toxics.filter((toxic) => this.#isStruck(toxic));
    const down = this.#toxics.find(({ kind }) => kind === 'down');
    if (down !== undefined) {
      tellActed(this.#around, this.#connection, down, 'drop', 0);
      return this.#connection.resetBoth();
    }
    const { client, upstream } = this.#connection;
    if (this.#down !== undefined || this.#of('downstream').length > 0) {
      this.#down ??= new Chain(client, this.#held);
      this.#down.set(this.#of('downstream'));
    }
    if (upstream === undefined) return;
    if (this.#up?.pipe === upstream) this.#up.set(this.#of('upstream'));
    else this.connected(upstream);
  }
  /** A client may have several upstream connections, one after the other: the chain of one that was given up ends with it. */
  connected(upstream: Pipe): void {
    const wanted = this.#of('upstream');
    this.#up = undefined;
    if (wanted.length === 0) return;
    this.#up = new Chain(upstream, this.#held);
    this.#up.set(wanted);
  }
  gone(): void {
    this.#down?.closed();
    this.#up?.closed();
  }

  #of(stream: Stream): readonly Toxic[] {
    return this.#toxics.filter((toxic) => toxic.stream === stream);
  }
  #isStruck(toxic: Toxic): boolean {
    const known = this.#struck.get(toxic.id);
    if (known !== undefined) return known;
    const struck = judge(this.#around, toxic, this.#connection.number);
    this.#struck.set(toxic.id, struck);
    return struck;
  }
}
