import { type Socket } from 'node:net';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type ProcessMark } from '../store/journal-record.ts';
import { watchdogAddress } from './addresses.ts';
import { ask, dial, fromWatchdog, hear, type RouteMark, say } from './messages.ts';
import { HEARTBEAT, LEASE, type Lease } from './models.ts';

/** A process that was started; only its number matters here. */
export interface ChildHandle {
  readonly pid?: number | undefined;
}

export interface LeaseOptions {
  readonly stateDir: string;
  readonly self: ProcessMark;
  readonly clock: Clock;
  /** Starts the watchdog, detached; it opens its socket when it is ready, or ends when there is one already. */
  readonly spawnWatchdog: () => ChildHandle;
  /** Called when the watchdog has taken the lease away, or cannot be kept alive. */
  readonly lost: (why: string) => void;
  readonly log?: (text: string) => void;
}

/** The engine's line to the watchdog: keeps it alive, renews the lease, tells it of the routes. */
export interface WatchdogLease extends Lease, AsyncDisposable {
  /** Tells the watchdog which routes to take over should this process die; starts it when there are any. */
  setRoutes(routes: readonly RouteMark[]): Promise<void>;
  /** Asks a watchdog that stands in at these addresses to let go; resolves when they are free. Starts no watchdog. */
  release(listen: readonly string[]): Promise<void>;
  status(): { readonly pid: number; readonly alive: boolean } | null;
}

const CONNECT_EVERY = 50;
/** A watchdog that has not opened its socket by now was perhaps killed on the way: start another. */
const SPAWN_EVERY = 3_000;
const READY_WITHIN = 30_000;
const RELEASE_WITHIN = 5_000;

export function createLease(options: LeaseOptions): WatchdogLease {
  return new SocketLease(options);
}

class SocketLease implements WatchdogLease {
  readonly #options: LeaseOptions;
  readonly #address: string;
  #routes: readonly RouteMark[] = [];
  #socket: Socket | undefined;
  #pid = 0;
  #lastAck = 0;
  #lastAckWall = 0;
  #connecting: Promise<void> | undefined;
  /** The newest line, whether or not its hello has been answered. */
  #line: Socket | undefined;
  #beating: Disposable | undefined;
  #closed = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#address = watchdogAddress(options.stateDir);
  }

  async ready(): Promise<void> {
    const { clock } = this.#options;
    const fresh = this.#socket !== undefined && clock.now() - this.#lastAck < 3 * HEARTBEAT;
    if (fresh) return;
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    await this.#connecting;
  }

  until(): number | null {
    return this.#socket === undefined ? null : this.#lastAckWall + LEASE;
  }

  status(): { readonly pid: number; readonly alive: boolean } | null {
    return this.#pid === 0 ? null : { pid: this.#pid, alive: this.#socket !== undefined };
  }

  async setRoutes(routes: readonly RouteMark[]): Promise<void> {
    this.#routes = routes.map(({ name, listen, upstream, route }) => ({ name, listen, upstream, ...(route !== undefined && { route }) }));
    if (routes.length > 0) await this.ready();
    this.#beat();
  }

  async release(listen: readonly string[]): Promise<void> {
    const released = fromWatchdog.options[3];
    try {
      await ask(this.#options.clock, this.#address, { kind: 'release', listen: [...listen] }, released, RELEASE_WITHIN);
    } catch {
      // Nobody there, nobody in the way. A watchdog that is there and deaf shows when the port is opened.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    using _late = this.#options.clock.after(HEARTBEAT, () => this.#line?.destroy());
    // A hello that was said wants a goodbye.
    await this.#connecting?.catch(() => {});
    this.#beating?.[Symbol.dispose]();
    const socket = this.#socket;
    if (socket === undefined) return;
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    say(socket, { kind: 'bye' });
    socket.end();
    await gone;
  }

  async #connect(): Promise<void> {
    const { clock, spawnWatchdog } = this.#options;
    const end = clock.now() + READY_WITHIN;
    let spawned = -Infinity;
    let last: unknown;
    while (clock.now() < end && !this.#closed) {
      try {
        await this.#greet(await dial(this.#address), end);
        return;
      } catch (error) {
        last = error;
      }
      if (clock.now() - spawned >= SPAWN_EVERY && !this.#closed) {
        spawned = clock.now();
        spawnWatchdog();
      }
      await clock.sleep(CONNECT_EVERY);
    }
    throw new FirebreakError(
      'watchdog-unavailable',
      `the watchdog does not answer at ${this.#address}: ${messageOf(last)}`,
      {
        hint: 'Nothing is injected without it. Its log is watchdog.log in the state directory.',
        cause: last,
      },
    );
  }

  /** Says hello and waits for the answer. */
  async #greet(socket: Socket, end: number): Promise<void> {
    const { clock, self } = this.#options;
    this.#line = socket;
    const ready = Promise.withResolvers<void>();
    const silence = new FirebreakError('no-answer', 'it took the call and said nothing');
    hear(socket, fromWatchdog, (message) => {
      if (message.kind === 'ready') {
        this.#pid = message.pid;
        this.#ack();
        ready.resolve();
      } else if (message.kind === 'ack') this.#ack();
      else if (message.kind === 'lease-lost') this.#options.lost(message.why);
    });
    socket.once('close', () => {
      ready.reject(silence);
      this.#hungUp(socket);
    });
    say(socket, { kind: 'hello', owner: self, routes: [...this.#routes] });
    using _late = clock.after(end - clock.now(), () => socket.destroy());
    await ready.promise;
    this.#socket = socket;
    this.#beating ??= clock.every(HEARTBEAT, () => this.#beat());
  }

  #ack(): void {
    this.#lastAck = this.#options.clock.now();
    this.#lastAckWall = this.#options.clock.wall();
  }

  #beat(): void {
    if (this.#socket === undefined) return;
    say(this.#socket, { kind: 'beat', routes: [...this.#routes] });
    // Deaf: stopped, perhaps. It will not revert anything, so what this engine holds has no net.
    if (this.#options.clock.now() - this.#lastAck >= LEASE) this.#socket.destroy();
  }

  /** The watchdog has died: start it again, or let go of everything. */
  #hungUp(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    if (this.#closed) return;
    this.#options.log?.('the watchdog has gone; starting another');
    this.ready().catch((error: unknown) => {
      if (!this.#closed) this.#options.lost(`the watchdog has gone and does not come back: ${messageOf(error)}`);
    });
  }
}
