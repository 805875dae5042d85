import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { later } from '../kernel/precise-timer.ts';
import type { Address } from './address.ts';
import type { Grip, OpenRoute } from './open-route.ts';
import { Pipe, type PipeOwner } from './pipe.ts';
import type { Link, Session, SessionFactory } from './session.ts';
import { ROUTE } from './shared.ts';
import { upstreamOptions } from './tls/upstream.ts';

/** Milliseconds for a client to read the last answer before its socket is closed with bytes of its own still unread. */
const LINGER = 2_000;
const NOTHING = Buffer.alloc(0);

/**
 * One client connection and the upstream connection that belongs to it alone: so messages stay in order and bytes stay
 * as they were. What the bytes mean is the session's; here are the two sockets, their ends and their back-pressure.
 */
export class Connection implements PipeOwner, Link {
  readonly route: OpenRoute<Connection>;
  readonly #client: Pipe;
  readonly #alpn: string;
  #session: Session;
  #upstream: Pipe | undefined;
  #reached = false;
  #understood = true;
  #place: Address;
  serverName = '';
  /** What toxics hold of it; absent while there are none. */
  grip: Grip | undefined;
  closing = false;
  /** Counted from 0 per route, over all workers: the dice of toxics go by it. */
  readonly number: number;

  /** @param greeting present when the client's TLS ends here: what carries it, and what was agreed on. */
  constructor(route: OpenRoute<Connection>, accepted: Socket, session: SessionFactory, number = 0, greeting?: { raw: Socket; alpn: string }) {
    this.route = route;
    this.number = number;
    this.#place = route;
    route.shard.route(route.slot, ROUTE.active, 1);
    this.#alpn = greeting?.alpn ?? '';
    if (greeting !== undefined) this.#client = Pipe.over(this, accepted, greeting.raw);
    else this.#client = route.tlsInside === true ? Pipe.plain(this, accepted) : Pipe.accept(this, accepted);
    this.grip = route.toxics?.admit(this);
    this.#session = session(this);
  }

  get client(): Pipe {
    return this.#client;
  }
  get upstream(): Pipe | undefined {
    return this.#upstream;
  }

  /** Resets both sides now. */
  resetBoth(): void {
    this.closing = true;
    this.#client.reset();
    this.#upstream?.reset();
  }
  /** Ends both sides behind what their sockets were given; what stages hold is lost. */
  finish(): void {
    this.closing = true;
    for (const pipe of [this.#client, this.#upstream]) {
      pipe?.finish();
      pipe?.resume();
    }
    later(LINGER, () => this.destroy());
  }
  /** Ends both sides now. */
  destroy(): void {
    this.closing = true;
    this.#client.destroy();
    this.#upstream?.destroy();
  }

  received(pipe: Pipe, bytes: Buffer, length: number): boolean {
    if (this.closing) return true;
    try {
      if (pipe === this.#client) {
        this.#session.fromClient(bytes, length);
        return this.#clientMayGoOn();
      }
      if (pipe !== this.#upstream) return true;
      this.#session.fromUpstream(bytes, length);
      return this.#upstreamMayGoOn();
    } catch (error) {
      this.#failedBy(error);
      return false;
    }
  }
  /** Whoever may send again does; a session may also have stopped the client because it does not read its answers. */
  drained(): void {
    if (this.#clientMayGoOn()) this.#client.resume();
    if (this.#upstreamMayGoOn()) this.#upstream?.resume();
  }
  ended(pipe: Pipe): void {
    if (this.closing) return;
    if (pipe === this.#client) this.#guarded(() => this.#session.clientEnded());
    else if (pipe === this.#upstream) this.#guarded(() => this.#session.upstreamEnded());
  }
  failed(pipe: Pipe, error: Error): void {
    if (pipe === this.#client) {
      this.closing = true;
      this.#upstream?.reset();
    } else if (pipe === this.#upstream && !this.closing) {
      this.#guarded(() => this.#session.upstreamFailed(error, this.#reached));
    }
  }
  closed(pipe: Pipe): void {
    if (pipe === this.#client) {
      this.closing = true;
      this.#guarded(() => this.#session.closed());
      this.grip?.gone();
      this.#upstream?.destroy();
      this.route.shard.route(this.route.slot, ROUTE.active, -1);
      this.route.closed(this);
    } else if (pipe === this.#upstream && !this.closing) this.#client.end();
  }

  toClient(bytes: Uint8Array): void {
    this.#client.write(bytes);
  }
  toUpstream(bytes: Uint8Array): void {
    if (this.closing) return;
    this.#upstream ??= this.#connect();
    this.#upstream.write(bytes);
  }
  connectUpstream(): void {
    if (!this.closing) this.#upstream ??= this.#connect();
  }
  endClient(): void {
    this.#client.end();
  }
  endUpstream(): void {
    if (this.#upstream === undefined) this.#client.end();
    else this.#upstream.end();
  }
  lead(upstream: Address | undefined, serverName: string): void {
    this.#place = upstream ?? this.route;
    this.serverName = serverName;
  }
  secureClient(first: Uint8Array): void {
    const client = this.#client;
    this.route.greeter?.greet(client.release(first), ({ secured }) => client.secured(secured));
  }
  secureUpstream(): void {
    const pipe = this.#upstream;
    if (pipe === undefined || this.closing) return;
    this.#reached = false;
    const raw = pipe.release(NOTHING);
    const secured = connectTls({ ...upstreamOptions(this.route.upstreamTls, this.#place.host, []), socket: raw }, () => {
      this.#reached = true;
      secured.off('error', failed);
      pipe.secured(secured);
    });
    const failed = (error: Error): void => {
      this.failed(pipe, error);
      raw.destroy();
    };
    secured.once('error', failed);
  }
  detachUpstream(): void {
    const old = this.#upstream;
    this.#upstream = undefined;
    old?.destroy();
    // The client may have been stopped because that one did not read.
    if (old?.backedUp === true) this.drained();
  }
  reset(): void {
    this.closing = true;
    this.#client.reset();
    this.#upstream?.destroy();
  }
  /** The client reads the last answer before its socket goes (RFC 9112, 9.6). */
  close(): void {
    this.closing = true;
    this.#upstream?.destroy();
    this.#client.end(() => later(LINGER, () => this.#client.destroy()));
    this.#client.resume();
  }
  become(session: Session): void {
    this.#session = session;
  }
  notUnderstood(why: string): void {
    if (!this.#understood) return;
    this.#understood = false;
    this.route.shard.route(this.route.slot, ROUTE.opaque);
    if (this.route.tap.on) this.route.tap.notUnderstood(this.route, why);
  }
  get clientBackedUp(): boolean {
    return this.#client.backedUp;
  }
  /** An IPv4 address without the prefix that a dual-stack socket gives it (RFC 4291, 2.5.5.2). */
  get localAddress(): string {
    return (this.#client.socket.localAddress ?? '').replace(/^::ffff:/i, '');
  }

  #clientMayGoOn(): boolean {
    return !this.#session.full && this.#upstream?.backedUp !== true;
  }
  #upstreamMayGoOn(): boolean {
    return !this.#client.backedUp && !this.#session.upstreamFull;
  }
  #connect(): Pipe {
    this.#reached = false;
    const { upstreamTls } = this.route;
    const { host, port } = this.#place;
    const reached = (): void => void (this.#reached = true);
    const alpn = this.#alpn === '' ? [] : [this.#alpn];
    const pipe = this.route.tlsInside === true
      ? Pipe.connectPlain(this, host, port, reached)
      : upstreamTls === undefined
        ? Pipe.connect(this, host, port, reached)
        : Pipe.connectTls(this, host, port, upstreamOptions(upstreamTls, host, alpn), reached);
    this.grip?.connected(pipe);
    return pipe;
  }
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failedBy(error);
    }
  }
  #failedBy(error: unknown): void {
    this.route.failed(error);
    this.destroy();
  }
}
