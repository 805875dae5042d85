import { Foreword } from '../foreword.ts';
import { HeldBytes } from '../held-bytes.ts';
import { HOLD_LIMIT, type Link, type Session } from '../session.ts';
import { errorPacket } from './errors.ts';
import { FIXED, flagsAt } from './handshake.ts';
import { CAPABILITY, HEADER, int4At, lengthAt, PACKET } from './protocol.ts';
import { Renumbering } from './renumbering.ts';

/** Of the flags' second byte. */
const TLS_BIT = CAPABILITY.tls >> 8;
/** CR_SSL_CONNECTION_ERROR is a client's own number; a server says ER_UNKNOWN_ERROR, with the SQLSTATE for a failed connection. */
const UNREACHED = { number: 1105, state: '08001' };

/**
 * What is under way: the server greets; the client answers, with who it is or with the wish for TLS; then it says who it is
 * in TLS; then both exchange credentials.
 */
type Step = 'greeting' | 'answer' | 'login' | 'credentials';

/**
 * TLS as MySQL and MariaDB begin it (MySQL Source Code Documentation, "Protocol::SSLRequest"): between greeting and login.
 * On each side of the route it is there or not. A side that has it counts one packet more until the login is over, so the
 * packets are numbered anew where the sides differ.
 */
export class MysqlTls extends Foreword {
  #step: Step = 'greeting';
  readonly #greeting = new HeldBytes();
  readonly #said = new HeldBytes();
  #clientTls = false;
  #numbers: Renumbering | undefined;

  constructor(link: Link, inner: Session) {
    super(link, inner);
  }
  override get full(): boolean {
    return this.#said.length >= HOLD_LIMIT || super.full;
  }
  override fromUpstream(bytes: Buffer, length: number): void {
    if (this.#step === 'greeting') {
      this.#greeting.append(bytes, 0, length);
      return this.#greet();
    }
    const over = this.#numbers?.fromServer(bytes, length) === true;
    this.inner.fromUpstream(bytes, length);
    if (over) this.leave();
  }
  override fromClient(bytes: Buffer, length: number): void {
    if (this.#step === 'credentials') {
      this.#numbers?.fromClient(bytes, length);
      return this.inner.fromClient(bytes, length);
    }
    this.#said.append(bytes, 0, length);
    this.#read();
  }
  override upstreamEnded(): void {
    if (this.#step === 'greeting') this.#leave();
    this.inner.upstreamEnded();
  }
  override upstreamFailed(error: Error, reached: boolean): void {
    if (this.#step === 'credentials' && !reached) this.#fail(`the upstream cannot be reached with TLS: ${error.message}`, this.#clientTls ? 3 : 2);
    else this.inner.upstreamFailed(error, reached);
  }

  /** The greeting says what this route offers, not what the server does. */
  #greet(): void {
    const { route } = this.link;
    const bytes = this.#greeting.peek();
    const { length } = this.#greeting;
    if (length < HEADER + 1 || (length < HEADER + lengthAt(bytes, 0) && length < HOLD_LIMIT)) return;
    const flags = bytes[HEADER] === PACKET.error ? -1 : flagsAt(bytes, HEADER, length);
    if (flags < 0) return this.#leave();
    const offered = ((bytes[flags + 1] as number) & TLS_BIT) !== 0;
    if (route.upstreamTls !== undefined && !offered) return this.#fail('the upstream does not take TLS', 0);
    bytes[flags + 1] = setTls(bytes[flags + 1] as number, route.greeter !== undefined);
    this.#step = 'answer';
    const greeting = this.#greeting.take();
    this.inner.fromUpstream(greeting, greeting.length);
    this.#read();
  }
  /** The client's answer, or its login behind that. */
  #read(): void {
    const bytes = this.#said.peek();
    const { length } = this.#said;
    if (this.#step === 'greeting' || length < HEADER) return;
    const payload = lengthAt(bytes, 0);
    const whole = HEADER + payload;
    // Too short to have flags and what follows them (before MySQL 4.1), or longer than any login.
    if (payload < FIXED || whole > HOLD_LIMIT) return this.#leave();
    if (length < whole) return;
    const asksTls = payload === FIXED && (int4At(bytes, HEADER) & CAPABILITY.tls) !== 0;
    if (this.#step === 'answer' && asksTls && this.link.route.greeter !== undefined) {
      this.#step = 'login';
      this.#clientTls = true;
      this.link.secureClient(Buffer.from(this.#said.take().subarray(whole)));
    } else if (payload > FIXED) this.#login();
    else this.#leave();
  }
  /** The client's login is at the start of what it said. */
  #login(): void {
    const { upstreamTls } = this.link.route;
    const said = this.#said.take();
    said[HEADER + 1] = setTls(said[HEADER + 1] as number, upstreamTls !== undefined);
    if (upstreamTls !== undefined) {
      const request = Buffer.from(said.subarray(0, HEADER + FIXED));
      request.writeUIntLE(FIXED, 0, 3);
      request[3] = 1;
      this.link.toUpstream(request);
      this.link.secureUpstream();
    }
    this.#step = 'credentials';
    const [client, server] = [this.#clientTls ? 2 : 1, upstreamTls !== undefined ? 2 : 1];
    if (client === server) this.leave();
    else (this.#numbers = new Renumbering(client - server)).fromClient(said, said.length);
    this.inner.fromClient(said, said.length);
  }

  #fail(message: string, sequence: number): void {
    this.link.toClient(errorPacket({ ...UNREACHED, message: `firebreak: ${message}` }, sequence));
    this.link.close();
  }
  /** Nothing is looked at: what is held goes on. */
  #leave(): void {
    this.leave();
    const [greeting, said] = [this.#greeting.take(), this.#said.take()];
    if (greeting.length > 0) this.inner.fromUpstream(greeting, greeting.length);
    if (said.length > 0 && !this.link.closing) this.inner.fromClient(said, said.length);
  }
}

const setTls = (flags: number, on: boolean): number => (on ? flags | TLS_BIT : flags & ~TLS_BIT);
