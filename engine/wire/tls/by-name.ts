import { later } from '../../kernel/precise-timer.ts';
import type { Address } from '../address.ts';
import { HeldBytes } from '../held-bytes.ts';
import { type Link, PassingSession, type SessionFactory } from '../session.ts';
import { readHello } from './hello.ts';

/** Where the clients of a route go, by the server name in their TLS handshake, which passes unopened. */
export interface UpstreamsByName {
  /** Names in lower case, or `*.` and what they end with. */
  readonly names: Readonly<Record<string, Address>>;
  /** Whoever asks for another name, or none, is refused rather than sent to the upstream of the route. */
  readonly refuseOthers: boolean;
}

/** Milliseconds without a word after which a client is taken for one whose server speaks first; TLS clients speak at once. */
const SILENCE = 3_000;
/** A fatal alert, unrecognized_name (RFC 6066, 3; RFC 8446, 6): what a server says that is not called so. */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/** The upstream of a name: its own, else that of the longest ending (`*.shop.example` takes a.b.shop.example too). */
export function upstreamOf(names: Readonly<Record<string, Address>>, name: string): Address | undefined {
  if (Object.hasOwn(names, name)) return names[name];
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const ending = `*${name.slice(dot)}`;
    if (Object.hasOwn(names, ending)) return names[ending];
  }
  return undefined;
}

/** Reads the name that the client wants, chooses the upstream, and leaves the connection to the session of its protocol. */
export const byName =
  (upstreams: UpstreamsByName, make: SessionFactory): SessionFactory =>
  (link) =>
    new NameSession(link, upstreams, make);

class NameSession extends PassingSession {
  readonly #upstreams: UpstreamsByName;
  readonly #make: SessionFactory;
  readonly #first = new HeldBytes();
  readonly #silent: Disposable;

  constructor(link: Link, upstreams: UpstreamsByName, make: SessionFactory) {
    super(link);
    this.#upstreams = upstreams;
    this.#make = make;
    this.#silent = later(SILENCE, () => this.#goOn('the client says nothing: what upstream it wants cannot be told'));
  }
  override fromClient(bytes: Buffer, length: number): void {
    this.#silent[Symbol.dispose]();
    this.#first.append(bytes, 0, length);
    const hello = readHello(this.#first.peek().subarray(0, this.#first.length));
    if (hello === undefined) return;
    if (hello === null) return void this.#goOn('the client speaks no TLS: what upstream it wants cannot be told');
    const { names, refuseOthers } = this.#upstreams;
    const upstream = upstreamOf(names, hello.serverName);
    if (upstream === undefined && refuseOthers) return this.#refuse(hello.serverName);
    this.link.lead(upstream, hello.serverName);
    this.#goOn('');
  }
  override clientEnded(): void {
    this.#goOn('the client ended in the middle of its handshake').clientEnded();
  }
  override closed(): void {
    this.#silent[Symbol.dispose]();
  }

  #refuse(name: string): void {
    const whom = name === '' ? 'no server name' : `the server name ${name}`;
    this.link.notUnderstood(`the client asks for ${whom}, which upstreams_by_name does not have: refused`);
    this.link.toClient(UNRECOGNIZED_NAME);
    this.link.close();
  }
  /** @param why it is not understood; '' when it is. */
  #goOn(why: string): ReturnType<SessionFactory> {
    this.#silent[Symbol.dispose]();
    if (why !== '') this.link.notUnderstood(why);
    const session = this.#make(this.link);
    this.link.become(session);
    const first = this.#first.take();
    if (first.length > 0) session.fromClient(first, first.length);
    return session;
  }
}
