import type { Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { later } from '../../kernel/precise-timer.ts';
import type { OpenRoute } from '../open-route.ts';
import type { Facts, Subject } from '../subject.ts';
import { ROUTE } from '../shared.ts';
import { type Hello, readHello } from './hello.ts';
import type { Flaw, TlsMaterial } from './material.ts';
import { upstreamOptions } from './upstream.ts';

/** Policies of the type `tls` are in the wire as policies of `tcp` with this scope: they judge connections, on any route. */
export const TLS_SCOPE = 'tls';
/** Milliseconds for a client to say hello and for both to agree: as long as OpenSSL's own tools wait and nginx does. */
const HANDSHAKE_LIMIT = 60_000;
/** How the application protocols of an upstream are found out once, and for how long that is believed, in milliseconds. */
const BELIEVED = 60_000;
const HTTP = ['h2', 'http/1.1'];

/** A connection whose client has shown what it wants and been answered. */
export interface Greeted {
  readonly secured: TLSSocket;
  /** The application protocol that was agreed on (RFC 7301); '' = none. */
  readonly alpn: string;
}

/** Terminates the TLS of one route: certificates, and what the faults of type `tls` do to a handshake. */
export class Greeter {
  readonly #route: OpenRoute;
  readonly #contexts: Readonly<Record<Flaw | 'sound', SecureContext>>;
  readonly #upstream: TlsMaterial['upstream'];
  readonly #greeting = new Set<Socket>();
  #offered: { readonly protocols: readonly string[]; readonly at: number } | undefined;

  constructor(route: OpenRoute, shown: NonNullable<TlsMaterial['shown']>, upstream: TlsMaterial['upstream']) {
    this.#route = route;
    this.#upstream = upstream;
    const { expired, not_yet_valid, wrong_name, unknown_issuer } = shown.flawed;
    this.#contexts = {
      sound: createSecureContext(shown.sound),
      expired: createSecureContext(expired),
      not_yet_valid: createSecureContext(not_yet_valid),
      wrong_name: createSecureContext(wrong_name),
      unknown_issuer: createSecureContext(unknown_issuer),
    };
  }

  /**
   * Calls `ready` once the handshake is done; a client that is refused, gives up or speaks no TLS is ended here.
   * @param socket accepted, and not yet read from.
   */
  greet(socket: Socket, ready: (greeted: Greeted) => void): void {
    this.#greeting.add(socket);
    socket.on('error', () => socket.destroy());
    const late = later(HANDSHAKE_LIMIT, () => socket.destroy());
    socket.once('close', () => {
      this.#greeting.delete(socket);
      late[Symbol.dispose]();
    });
    let seen = Buffer.alloc(0);
    const look = (bytes: Buffer): void => {
      seen = Buffer.concat([seen, bytes]);
      const hello = readHello(seen);
      if (hello === undefined) return;
      socket.off('data', look);
      socket.pause();
      if (hello === null) {
        this.#tellNoTls();
        socket.destroy();
        return;
      }
      // TLS reads it again from the start.
      socket.unshift(seen);
      this.#judge(socket, hello, (context) => {
        // A bug, which must cost this connection and not all of the thread.
        this.#shake(socket, hello, context, ready, late).catch((error: unknown) => {
          socket.destroy();
          this.#route.failed(error);
        });
      });
    };
    socket.on('data', look);
    socket.resume();
  }
  /** Ends those that are still shaking hands. */
  close(): void {
    for (const socket of this.#greeting) socket.destroy();
  }

  #judge(socket: Socket, hello: Hello, go: (context: SecureContext) => void): void {
    const { acts, effects, name } = this.#route;
    const subject = new Handshake(hello);
    const verdict = effects.gateScope('tcp', name, TLS_SCOPE)
      ? effects.judgeText('tcp', name, hello.serverName, subject, TLS_SCOPE)
      : undefined;
    if (verdict === undefined) return go(this.#contexts.sound);
    if (verdict.act === 'delay') {
      const gone = (): void => acts.cancel(hold, subject);
      const hold = acts.delayed(verdict, subject, { reset: () => socket.resetAndDestroy() }, () => {
        socket.off('close', gone);
        go(this.#contexts.sound);
      });
      socket.once('close', gone);
    } else if (verdict.act === 'drop') {
      acts.dropped(verdict, subject);
      socket.resetAndDestroy();
    } else {
      acts.failed(verdict, subject);
      go(this.#contexts[verdict.extra?.['certificate'] as Flaw] ?? this.#contexts.sound);
    }
  }

  async #shake(socket: Socket, hello: Hello, context: SecureContext, ready: (greeted: Greeted) => void, late: Disposable): Promise<void> {
    const protocols = await this.#protocols(hello);
    if (socket.destroyed) return;
    const secured = new TLSSocket(socket, {
      isServer: true,
      secureContext: context,
      ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
    });
    const ended = (): void => void socket.destroy();
    secured.once('error', ended);
    secured.once('secure', () => {
      late[Symbol.dispose]();
      this.#greeting.delete(socket);
      secured.off('error', ended);
      const alpn = secured.alpnProtocol;
      ready({ secured, alpn: typeof alpn === 'string' ? alpn : '' });
    });
  }

  /** What may be offered to this client: bytes pass as they are, so only what the upstream speaks as well. */
  async #protocols(hello: Hello): Promise<readonly string[]> {
    if (this.#route.protocol === 'grpc') return ['h2'];
    if (this.#route.protocol !== 'http') return hello.protocols;
    if (this.#upstream === undefined || !hello.protocols.includes('h2')) return ['http/1.1'];
    if (this.#offered === undefined || performance.now() - this.#offered.at > BELIEVED) {
      this.#offered = { protocols: await this.#ask(), at: performance.now() };
    }
    return this.#offered.protocols;
  }
  /** Both, where the upstream takes HTTP/2 when it may choose. */
  #ask(): Promise<readonly string[]> {
    return new Promise((resolve) => {
      const { host, port } = this.#route;
      const socket = connect({ ...upstreamOptions(this.#upstream, host, HTTP), host, port });
      const done = (protocols: readonly string[]): void => {
        socket.destroy();
        resolve(protocols);
      };
      socket.once('secureConnect', () => done(socket.alpnProtocol === 'h2' ? HTTP : ['http/1.1']));
      socket.once('error', () => done(['http/1.1']));
    });
  }

  #tellNoTls(): void {
    const { shard, slot, tap } = this.#route;
    shard.route(slot, ROUTE.opaque);
    if (tap.on) tap.notUnderstood(this.#route, 'the client speaks no TLS, and this route terminates it');
  }
}

/** A handshake as a message: its name is the server that the client wants. */
class Handshake implements Subject {
  readonly #hello: Hello;
  constructor(hello: Hello) {
    this.#hello = hello;
  }
  carries(): boolean {
    return false;
  }
  facts(): Facts {
    return { tls: { server_name: this.#hello.serverName, protocols: this.#hello.protocols } };
  }
  describe(): ReturnType<Subject['describe']> {
    const { serverName, protocols } = this.#hello;
    const head = `ClientHello for ${serverName === '' ? 'no name' : serverName}${protocols.length > 0 ? `, offers ${protocols.join(', ')}` : ''}`;
    return { method: 'HANDSHAKE', target: serverName, traceId: '', requestId: '', head };
  }
}
