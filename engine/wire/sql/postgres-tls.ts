import { Foreword } from '../foreword.ts';
import { HeldBytes } from '../held-bytes.ts';
import { HOLD_LIMIT, type Link, type Session } from '../session.ts';
import { errorResponse, HEADER, STARTUP } from './postgres-messages.ts';
import { readStartup, TLS_HANDSHAKE } from './postgres-startup.ts';

/** The answers to a request for encryption: `S` and `N`. */
const YES = 0x53;
const NO = Buffer.from('N');
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
/** sqlclient_unable_to_establish_sqlconnection; invalid_authorization_specification. */
const UNREACHED = '08001';
const UNAUTHORISED = '28000';
/** Messages of a server before it asks who the client is, besides ErrorResponse: NoticeResponse, NegotiateProtocolVersion. */
const BEFORE_AUTHENTICATION: ReadonlySet<number> = new Set([0x4e, 0x76]);
const AUTHENTICATION = 0x52;
const SASL = 10;
const BOUND = 'SCRAM-SHA-256-PLUS\0';
/** What a client says first when it knows channel binding and was not offered it: SASLInitialResponse, then RFC 5802, 7. */
const SASL_RESPONSE = 0x70;
const UNBOUND = Buffer.from('SCRAM-SHA-256\0');
const COULD_BIND = 0x79;
const SAID = HEADER + UNBOUND.length + 4 + 1;

/**
 * What is under way: the client says what it wants; its handshake comes; the upstream is asked for TLS; it says how clients
 * may prove who they are; the client chooses.
 */
type Step = 'asking' | 'hello' | 'upstream' | 'offer' | 'choice';

/**
 * TLS as PostgreSQL begins it (PostgreSQL documentation, "SSL Session Encryption"): by SSLRequest, or at once. On both sides
 * of the route it is there or not, each for itself. The two sides then have different certificates, so that a proof of
 * identity that is bound to the connection (SCRAM-SHA-256-PLUS) cannot work, and is not offered.
 */
export class PostgresTls extends Foreword {
  #step: Step = 'asking';
  readonly #said = new HeldBytes();
  readonly #answered = new HeldBytes();
  #clientTls = false;
  #clientEnded = false;

  constructor(link: Link, inner: Session) {
    super(link, inner);
  }
  override get full(): boolean {
    return this.#said.length >= HOLD_LIMIT || super.full;
  }
  override fromClient(bytes: Buffer, length: number): void {
    if (this.#step === 'offer') return this.inner.fromClient(bytes, length);
    if (this.#step === 'hello') return this.#secure(Buffer.from(bytes.subarray(0, length)));
    this.#said.append(bytes, 0, length);
    if (this.#step === 'asking') this.#read();
    else if (this.#step === 'choice') this.#choose();
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    if (this.#step === 'upstream') return this.#agreed(bytes, length);
    if (this.#step !== 'offer') return this.inner.fromUpstream(bytes, length);
    this.#answered.append(bytes, 0, length);
    this.#offered();
  }
  override clientEnded(): void {
    if (this.#step === 'upstream') this.#clientEnded = true;
    else this.inner.clientEnded();
  }
  override upstreamEnded(): void {
    if (this.#step === 'offer') this.#leave();
    this.inner.upstreamEnded();
  }
  override upstreamFailed(error: Error, reached: boolean): void {
    if (this.#step === 'offer' && !reached) this.#fail(UNREACHED, `the upstream cannot be reached with TLS: ${error.message}`);
    else this.inner.upstreamFailed(error, reached);
  }

  /** Reads what the client begins with. */
  #read(): void {
    const { route } = this.link;
    for (;;) {
      const bytes = this.#said.peek();
      const { length } = this.#said;
      const startup = length === 0 ? undefined : readStartup(bytes, 0, length);
      if (startup === undefined || startup.kind === 'more') return;
      const terminates = route.greeter !== undefined && !this.#clientTls;
      if (startup.kind === 'unknown' && bytes[0] === TLS_HANDSHAKE && terminates) return this.#secure(this.#said.take());
      if (startup.kind !== 'encryption') return this.#begin();
      const said = this.#said.take();
      if (terminates && said.readInt32BE(4) === STARTUP.ssl) {
        // Nobody may slip in words before the encryption: a server refuses them too (CVE-2021-23214).
        if (said.length > startup.size) return this.#fail(UNAUTHORISED, 'unencrypted data came behind the request for encryption');
        this.link.toClient(Buffer.from([YES]));
        this.#step = 'hello';
        return;
      }
      this.link.toClient(NO);
      this.#said.append(said, startup.size, said.length);
    }
  }
  #secure(first: Buffer): void {
    this.#step = 'asking';
    this.#clientTls = true;
    this.link.secureClient(first);
  }

  /** The client has said who it is, or what it wants cancelled. */
  #begin(): void {
    if (this.link.route.upstreamTls === undefined) return this.#leave();
    this.#step = 'upstream';
    this.link.toUpstream(SSL_REQUEST);
  }
  /** The upstream's answer to the request for encryption. */
  #agreed(bytes: Buffer, length: number): void {
    if (bytes[0] !== YES || length > 1) return this.#fail(UNREACHED, 'the upstream does not take TLS');
    this.#step = 'offer';
    this.link.secureUpstream();
    const said = this.#said.take();
    this.inner.fromClient(said, said.length);
    if (this.#clientEnded) this.inner.clientEnded();
  }

  /** The upstream's first words: it may offer what cannot work across the route. */
  #offered(): void {
    const { length } = this.#answered;
    const bytes = this.#answered.peek().subarray(0, length);
    let at = 0;
    let size = 0;
    for (; ; at += size) {
      if (length - at < HEADER) return;
      size = 1 + bytes.readInt32BE(at + 1);
      const type = bytes[at] as number;
      if (size < HEADER || size > STARTUP.longest || (type !== AUTHENTICATION && !BEFORE_AUTHENTICATION.has(type))) return this.#leave();
      if (length - at < size) return;
      if (type === AUTHENTICATION) break;
    }
    const message = bytes.subarray(at, at + size);
    const found = size > HEADER + 4 && message.readInt32BE(HEADER) === SASL ? message.indexOf(BOUND) : -1;
    // Where it is the only offer, the client says best that it cannot take it.
    if (found < 0 || size - BOUND.length <= HEADER + 4 + 1) return this.#leave();
    const offer = Buffer.concat([message.subarray(0, found), message.subarray(found + BOUND.length)]);
    offer.writeInt32BE(offer.length - 1, 1);
    const rest = this.#answered.take();
    this.#answered.append(Buffer.concat([rest.subarray(0, at), offer, rest.subarray(at + size)]), 0, length - BOUND.length);
    if (!this.#clientTls) return this.#leave();
    this.#step = 'choice';
    this.#answer();
  }
  /**
   * A client that knows channel binding says so, and the server would take that for an attack on the offer. No route can
   * help it: its proof covers those words. So it hears at once what to do.
   */
  #choose(): void {
    const said = this.#said.peek().subarray(0, this.#said.length);
    const chooses = said[0] === SASL_RESPONSE;
    if (chooses && said.length < SAID) return;
    const unbound = chooses && said.subarray(HEADER, HEADER + UNBOUND.length).equals(UNBOUND);
    if (!unbound || said[SAID - 1] !== COULD_BIND) return this.#leave();
    this.#fail(UNAUTHORISED, 'channel binding cannot cross a route that ends TLS: connect with channel_binding=disable');
  }

  #fail(sqlstate: string, message: string): void {
    this.link.toClient(errorResponse({ sqlstate, message: `firebreak: ${message}` }, true));
    this.link.close();
  }
  #answer(): void {
    const answered = this.#answered.take();
    if (answered.length > 0) this.inner.fromUpstream(answered, answered.length);
  }
  /** Nothing more is looked at: what is held goes on. */
  #leave(): void {
    this.leave();
    this.#answer();
    const said = this.#said.take();
    if (said.length > 0 && !this.link.closing) this.inner.fromClient(said, said.length);
  }
}
