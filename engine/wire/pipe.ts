import { connect, Socket, type SocketConstructorOpts, type TcpNetConnectOpts } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { directly, type Writer } from './direct-write.ts';

/** What a pipe tells its owner. */
export interface PipeOwner {
  /** Bytes arrived in `bytes`[0, length), which is overwritten by the next read. False stops reading until `resume`. */
  received(pipe: Pipe, bytes: Buffer, length: number): boolean;
  /** All that was written has left for the kernel; called after `backedUp` was true. */
  drained(pipe: Pipe): void;
  /** The other end will send no more. */
  ended(pipe: Pipe): void;
  failed(pipe: Pipe, error: Error): void;
  closed(pipe: Pipe): void;
}

/** Stages that written bytes pass through before they reach the socket; see toxics/chain.ts. */
export interface PipeStages {
  /** The bytes may be overwritten after the call: what is kept is copied. */
  take(bytes: Uint8Array): void;
  /** The end passes behind the last byte. */
  end(): void;
  /** More should not be written for now; the pipe's owner hears `drained` when that is over. */
  readonly full: boolean;
  /** The socket takes more. */
  drained(): void;
  /** The socket is gone. */
  closed(): void;
}

/** First size of a read buffer: most messages fit; and the size it grows to once a read has filled it. */
const SMALL = 8_192;
const LARGE = 65_536;
const NOTHING = Buffer.alloc(0);

/**
 * One socket with one read buffer that it uses again and again (the `onread` option of net.Socket). What is written must
 * not be overwritten before it has left: while `backedUp`, the owner stops reading into the buffer that it wrote from.
 */
export class Pipe implements Writer {
  socket: Socket;
  /** What toxics do to the bytes that are written; absent while there are none. */
  stages: PipeStages | undefined;
  /** Written bytes still wait for the socket. */
  socketFull = false;
  /** Reading has stopped. */
  paused = false;
  ended = false;
  readonly #owner: PipeOwner;
  #buffer: Buffer | undefined;
  #grow = false;
  #then: (() => void) | undefined;
  #raw: Socket | undefined;
  /** Written since TLS began, until it stands; absent at all other times. */
  #waiting: Buffer[] | undefined;
  #endsLater = false;

  private constructor(owner: PipeOwner, make: (onread: NonNullable<TcpNetConnectOpts['onread']>) => Socket) {
    this.#owner = owner;
    this.socket = make({
      // Asked before the first read and after each one; undefined keeps the buffer in use.
      buffer: () => this.#nextBuffer() as Buffer,
      callback: (length, bytes) => this.#received(bytes as Buffer, length),
    });
    this.#attend(this.socket);
  }

  /** Written bytes still wait in this process. */
  get backedUp(): boolean {
    return this.socketFull || this.stages?.full === true || this.#waiting !== undefined;
  }

  /**
   * Takes over an accepted socket. A net.Server offers no `onread`, so its handle is moved to a socket that has it;
   * should a later Node hide the handle, the accepted socket itself is read by events, only slower.
   */
  static accept(owner: PipeOwner, accepted: Socket): Pipe {
    const holder = accepted as unknown as { _handle: object | null };
    const handle = holder._handle;
    return new Pipe(owner, (onread) => {
      if (handle === null || handle === undefined) return readByEvents(accepted, onread);
      holder._handle = null;
      accepted.destroy();
      const options = { handle, onread, allowHalfOpen: true };
      return new Socket(options as SocketConstructorOpts);
    });
  }

  static connect(owner: PipeOwner, host: string, port: number, connected: () => void): Pipe {
    return new Pipe(owner, (onread) => connect({ host, port, onread, allowHalfOpen: true, noDelay: true }, connected));
  }

  /** A socket under TLS, which has buffers of its own: read by events. `raw` is the connection that carries it. */
  static over(owner: PipeOwner, secured: Socket, raw: Socket): Pipe {
    const pipe = new Pipe(owner, (onread) => readByEvents(secured, onread));
    pipe.#raw = raw;
    return pipe;
  }
  /** The same towards an upstream; `connected` is called once its certificate has been verified. */
  static connectTls(owner: PipeOwner, host: string, port: number, options: ConnectionOptions, connected: () => void): Pipe {
    const raw = connect({ host, port, allowHalfOpen: true, noDelay: true });
    return Pipe.over(owner, connectTls({ ...options, socket: raw }, connected), raw);
  }

  /** A connection that TLS may begin in later on: read by events. */
  static plain(owner: PipeOwner, socket: Socket): Pipe {
    return Pipe.over(owner, socket, socket);
  }
  static connectPlain(owner: PipeOwner, host: string, port: number, connected: () => void): Pipe {
    return Pipe.plain(owner, connect({ host, port, allowHalfOpen: true, noDelay: true }, connected));
  }
  /**
   * TLS begins in a `plain` connection: what is written from here on waits for `secured`.
   * @param rest bytes of TLS that came already.
   * @returns the connection that carries it, paused, with nobody listening but for its end.
   */
  release(rest: Uint8Array): Socket {
    const raw = this.socket;
    this.#waiting = [];
    this.paused = false;
    raw.removeAllListeners('data').off('end', this.#hears.end).off('error', this.#hears.error);
    raw.pause();
    if (rest.length > 0) raw.unshift(rest);
    return raw;
  }
  /** From here on `secured` carries the bytes. */
  secured(secured: Socket): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.socket.off('close', this.#hears.close);
    this.socket = secured;
    this.#attend(secured);
    readByEvents(secured, { buffer: NOTHING, callback: (length, bytes) => this.#received(bytes as Buffer, length) });
    for (const bytes of waiting) this.send(bytes);
    if (this.#endsLater) this.finish();
    this.#owner.drained(this);
  }

  write(bytes: Uint8Array): void {
    if (this.stages === undefined) this.send(bytes);
    else this.stages.take(bytes);
  }
  /** Writes past the stages. */
  send(bytes: Uint8Array): void {
    const socket = this.socket;
    if (socket.destroyed || socket.writableEnded) return;
    if (this.#waiting !== undefined) return void this.#waiting.push(Buffer.from(bytes));
    // What waits in the socket goes first, and a socket under TLS has to encrypt.
    const outcome = this.socketFull || this.#raw !== undefined ? 'not written' : directly?.(socket, bytes, this);
    if (outcome === 'sent') return;
    if (outcome === 'waits') {
      this.socketFull = true;
      return;
    }
    socket.write(bytes);
    if (!this.socketFull && socket.writableLength > 0) {
      this.socketFull = true;
      this.#awaitDrain();
    }
  }
  /** Sends what was written, then says that no more will come; `then` is called once the stages hold nothing back. */
  end(then?: () => void): void {
    this.#then = then ?? this.#then;
    if (this.stages === undefined) this.finish();
    else this.stages.end();
  }
  /** The same past the stages. */
  finish(): void {
    if (this.#waiting !== undefined && !this.socket.destroyed) return void (this.#endsLater = true);
    if (!this.socket.destroyed) this.socket.end();
    this.#then?.();
    this.#then = undefined;
  }
  resume(): void {
    if (!this.paused || this.socket.destroyed) return;
    this.paused = false;
    this.socket.resume();
  }
  destroy(): void {
    this.socket.destroy();
  }
  /** Ends the connection with a TCP reset: the other end sees ECONNRESET. */
  reset(): void {
    if (this.socket.destroyed) return;
    const raw = this.#raw ?? this.socket;
    // libuv refuses to reset a socket whose shutdown is under way; Node then never closes it, and its thread never ends.
    if (raw.writableEnded && !raw.writableFinished) raw.destroy();
    else raw.resetAndDestroy();
    this.socket.destroy();
  }

  /** An empty write behind the others tells when they are gone; 'drain' comes only beyond the high-water mark. */
  #awaitDrain(): void {
    this.socket.write(NOTHING, (error) => {
      if (error === null || error === undefined) this.left();
    });
  }
  /** What waited for the socket is gone, or lost with it. */
  left(error?: Error): void {
    if (this.socket.destroyed) return;
    if (error !== undefined) return void this.socket.destroy(error);
    if (this.socket.writableLength > 0) return this.#awaitDrain();
    this.socketFull = false;
    this.stages?.drained();
    this.#owner.drained(this);
  }
  /** A stage has room again. */
  freed(): void {
    this.#owner.drained(this);
  }

  #attend(socket: Socket): void {
    for (const [event, hear] of Object.entries(this.#hears)) socket.on(event, hear);
  }
  readonly #hears = {
    end: (): void => {
      this.ended = true;
      this.#owner.ended(this);
    },
    error: (error: Error): void => this.#owner.failed(this, error),
    close: (): void => {
      this.stages?.closed();
      this.#owner.closed(this);
    },
  };
  #received(bytes: Buffer, length: number): boolean {
    if (length === bytes.length && length < LARGE) this.#grow = true;
    if (this.#owner.received(this, bytes, length)) return true;
    // Somebody else reads it now.
    if (this.#waiting !== undefined) return true;
    this.paused = true;
    return false;
  }
  /** A full buffer may still be in use by a write, so a larger one replaces it and nothing is copied. */
  #nextBuffer(): Buffer | undefined {
    if (this.#buffer !== undefined && !this.#grow) return undefined;
    this.#buffer = Buffer.allocUnsafeSlow(this.#grow ? LARGE : SMALL);
    this.#grow = false;
    return this.#buffer;
  }
}

function readByEvents(socket: Socket, onread: NonNullable<TcpNetConnectOpts['onread']>): Socket {
  socket.on('data', (bytes: Buffer) => {
    if (!onread.callback(bytes.length, bytes)) socket.pause();
  });
  return socket.resume();
}
