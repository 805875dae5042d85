import { Acts } from '../../engine/wire/acts.ts';
import { Cancels } from '../../engine/wire/cancels.ts';
import { Effects } from '../../engine/wire/effects.ts';
import { Holds } from '../../engine/wire/holds.ts';
import type { OpenRoute } from '../../engine/wire/open-route.ts';
import type { Link, Session, SessionFactory } from '../../engine/wire/session.ts';
import { createShared, Shard, Totals } from '../../engine/wire/shared.ts';
import { Tap } from '../../engine/wire/tap.ts';
import type { WirePolicy } from '../../engine/policy/snapshot.ts';
import type { Protocol } from '../../engine/contract/models.ts';

/** A session without sockets: what it would write is kept. For unit tests and fuzzing of one protocol, in one thread. */
export class FakeLink implements Link {
  readonly route: OpenRoute;
  readonly totals: Totals;
  /** What is held back; `releaseAll` is what HALT does. */
  readonly holds: Holds;
  readonly toldNotUnderstood: string[] = [];
  #client: Buffer[] = [];
  #upstream: Buffer[] = [];
  closing = false;
  clientBackedUp = false;
  localAddress = '127.0.0.1';
  serverName = '';
  clientOver = false;
  upstreamOver = false;
  wasReset = false;
  connected = false;
  /** How often the upstream was given up. */
  detached = 0;
  /** Where TLS began, in order; of the client's with the number of bytes that it began with. */
  readonly secured: string[] = [];
  session: Session;

  constructor(protocol: Protocol, make: SessionFactory, policies: readonly WirePolicy[] = [], over: Partial<OpenRoute> = {}) {
    const shared = createShared(1);
    const shard = new Shard(shared, 0);
    const effects = new Effects(shared, shard);
    effects.install(policies.map((policy, slot) => ({ policy, slot })));
    const tap = new Tap(shared, 0, () => {});
    const parts = {
      name: 'r', protocol, host: '127.0.0.1', port: 1, slot: 0, effects, cancels: new Cancels(shared, 0), shard, tap,
      failed: (error: unknown): void => {
        throw error;
      },
      closed: (): void => {},
    };
    this.totals = new Totals(shared);
    this.holds = new Holds(shard, () => effects.halted);
    this.route = { ...parts, acts: new Acts(parts, this.holds), ...over };
    this.session = make(this);
  }
  /** The client says these bytes, in one piece. */
  client(bytes: Uint8Array): this {
    if (!this.closing) this.session.fromClient(Buffer.from(bytes), bytes.length);
    return this;
  }
  upstream(bytes: Uint8Array): this {
    if (!this.closing) this.session.fromUpstream(Buffer.from(bytes), bytes.length);
    return this;
  }
  /** All that the client would have received so far. */
  get clientGot(): Buffer {
    return Buffer.concat(this.#client);
  }
  get upstreamGot(): Buffer {
    return Buffer.concat(this.#upstream);
  }
  /** Forgets what was written so far. */
  clear(): void {
    this.#client = [];
    this.#upstream = [];
  }
  // Copied at once, because the real link's bytes may be overwritten as well.
  toClient(bytes: Uint8Array): void {
    this.#client.push(Buffer.from(bytes));
  }
  toUpstream(bytes: Uint8Array): void {
    this.connected = true;
    this.#upstream.push(Buffer.from(bytes));
  }
  connectUpstream(): void {
    this.connected = true;
  }
  endClient(): void {
    this.clientOver = true;
  }
  endUpstream(): void {
    this.upstreamOver = true;
  }
  lead(_upstream: unknown, serverName: string): void {
    this.serverName = serverName;
  }
  secureClient(first: Uint8Array): void {
    this.secured.push(`client ${first.length}`);
  }
  secureUpstream(): void {
    this.secured.push('upstream');
  }
  detachUpstream(): void {
    this.detached++;
  }
  reset(): void {
    this.wasReset = this.closing = true;
  }
  close(): void {
    this.closing = true;
  }
  drained(): void {}
  become(session: Session): void {
    this.session = session;
  }
  notUnderstood(why: string): void {
    this.toldNotUnderstood.push(why);
  }
}
