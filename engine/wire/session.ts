import type { Address } from './address.ts';
import type { OpenRoute } from './open-route.ts';

/** Bytes held back in one direction before reading from that end stops; above the longest head, so that a head always fits. */
export const HOLD_LIMIT = 131_072;

/**
 * What a protocol does with one client connection and the upstream connection that belongs to it alone. A session sees
 * every byte in both directions, in order, and passes on what is to be passed on, unchanged and uncopied where nothing
 * acts on it. It knows no sockets. A session that throws costs its connection, not the worker.
 */
export interface Session {
  /**
   * The client sent bytes[0, length). The buffer is overwritten after the call: what is not handed to `link.toUpstream`
   * within it must be copied (`HeldBytes`). Never called once the link is closing.
   */
  fromClient(bytes: Buffer, length: number): void;
  /** The same for bytes of the upstream. */
  fromUpstream(bytes: Buffer, length: number): void;
  /**
   * So many bytes of the client are held back that reading from it must stop (see `HOLD_LIMIT`). Asked after each
   * `fromClient`; `link.drained()` makes the link ask again.
   */
  readonly full: boolean;
  /** The same for bytes of the upstream that are held back from the client. */
  readonly upstreamFull: boolean;
  /** The client will send no more: `link.endUpstream()` behind the last byte that is held back. */
  clientEnded(): void;
  /** The upstream will send no more: `link.endClient()` behind the last byte that is held back. */
  upstreamEnded(): void;
  /** The upstream could not be reached (`reached` is false), or the connection to it broke. */
  upstreamFailed(error: Error, reached: boolean): void;
  /** The connection is over: cancel holds, let go of memory. Called once. */
  closed(): void;
}

/** The connection as its session sees it. Writes keep their order; back-pressure between the sockets is the link's. */
export interface Link {
  readonly route: OpenRoute;
  /** The bytes may be overwritten once the `fromClient` or `fromUpstream` that they came with has returned; see Pipe. */
  toClient(bytes: Uint8Array): void;
  /** Connects at the first call. */
  toUpstream(bytes: Uint8Array): void;
  /** Connects now, for protocols whose server speaks first. Idempotent. */
  connectUpstream(): void;
  /** Sends what was written, then says that no more will come. */
  endClient(): void;
  /** The same; without an upstream connection it ends the client's. */
  endUpstream(): void;
  /** Connections to the upstream go there from now on (undefined: as the route says), for the server of this name. */
  lead(upstream: Address | undefined, serverName: string): void;
  /** The server that the client asked for by `lead`; '' when that is not known. */
  readonly serverName: string;
  /** On a route with `tlsInside`: the client's TLS begins, with these bytes of it; what is written to the client waits for it. */
  secureClient(first: Uint8Array): void;
  /** The same with the upstream, whose certificate is verified; one that fails is told as one that was not reached. */
  secureUpstream(): void;
  /** Gives up the upstream connection without a word; the next `toUpstream` makes another one. */
  detachUpstream(): void;
  /** Ends the client's connection with a TCP reset, and the upstream's: what `drop_connection` means. */
  reset(): void;
  /** Ends the connection behind the last byte written to the client, which is given time to read it. */
  close(): void;
  /** Reading goes on where it may: called when `full` or `upstreamFull` has become false outside of a call of the link. */
  drained(): void;
  /** Another session takes over from the next byte on: for protocols that are told apart by their first bytes. */
  become(session: Session): void;
  /** From here on nobody can say where messages end. Counted and told once a connection; the bytes pass. */
  notUnderstood(why: string): void;
  /** True once the connection ends or has ended: nothing more is to be written. */
  readonly closing: boolean;
  /** Writes to the client wait in this process. */
  readonly clientBackedUp: boolean;
  /** The address of this machine that the client reached; '' when there is none. */
  readonly localAddress: string;
}

/** Makes the session of a new connection. */
export type SessionFactory = (link: Link) => Session;

/** Passes everything on. Sessions of protocols extend it and override what they look at. */
export class PassingSession implements Session {
  protected readonly link: Link;
  constructor(link: Link) {
    this.link = link;
  }
  get full(): boolean {
    return false;
  }
  get upstreamFull(): boolean {
    return false;
  }
  fromClient(bytes: Buffer, length: number): void {
    this.link.toUpstream(length === bytes.length ? bytes : bytes.subarray(0, length));
  }
  fromUpstream(bytes: Buffer, length: number): void {
    this.link.toClient(length === bytes.length ? bytes : bytes.subarray(0, length));
  }
  clientEnded(): void {
    this.link.endUpstream();
  }
  upstreamEnded(): void {
    this.link.endClient();
  }
  upstreamFailed(_error: Error, _reached: boolean): void {
    this.link.reset();
  }
  closed(): void {}
}
