/** Streams that have ended and whose late frames are still told apart. */
const KEPT = 1_000;

interface Pair {
  readonly client: number;
  readonly upstream: number;
  /** Bit 1: the client has ended it, bit 2: the upstream. */
  ended: number;
}
export const SIDE = { client: 1, upstream: 2, both: 3 } as const;

/**
 * The streams of a connection on which a request was held back: those behind it were begun before it, and as stream ids
 * only rise (RFC 9113, 5.1.1) it then needs another one upstream. Streams up to `base` have one id on both sides.
 */
export class StreamIds {
  readonly base: number;
  #next: number;
  readonly #byClient = new Map<number, Pair>();
  readonly #byUpstream = new Map<number, Pair>();
  readonly #over: Pair[] = [];

  /** @param base the last stream that the upstream knows. */
  constructor(base: number) {
    this.base = base;
    this.#next = base + 2 - ((base + 1) % 2);
  }
  /** The id of the next stream for the upstream. */
  begin(client: number): number {
    const pair = { client, upstream: this.#next, ended: 0 };
    this.#next += 2;
    this.#byClient.set(client, pair);
    this.#byUpstream.set(pair.upstream, pair);
    return pair.upstream;
  }
  /** 0 when the upstream knows no such stream. Streams of the server (even ids) and the connection (0) are the same. */
  toUpstream(client: number): number {
    return client <= this.base || client % 2 === 0 ? client : (this.#byClient.get(client)?.upstream ?? 0);
  }
  /** -1 when the client knows no such stream. */
  toClient(upstream: number): number {
    return upstream <= this.base || upstream % 2 === 0 ? upstream : (this.#byUpstream.get(upstream)?.client ?? -1);
  }
  /** One side sends no more on this stream of the client. */
  end(client: number, side: number): void {
    const pair = this.#byClient.get(client);
    if (pair === undefined || pair.ended === SIDE.both) return;
    pair.ended |= side;
    if (pair.ended !== SIDE.both) return;
    this.#over.push(pair);
    const oldest = this.#over.length > KEPT ? this.#over.shift() : undefined;
    if (oldest === undefined) return;
    this.#byClient.delete(oldest.client);
    this.#byUpstream.delete(oldest.upstream);
  }
  /** What a GOAWAY that names a stream of the upstream means to the client: the last stream that may have been acted on, and those before it that were not. */
  goaway(last: number): { readonly last: number; readonly refused: readonly number[] } {
    const pairs = [...this.#byClient.values()];
    const top = pairs.reduce((most, { client, upstream }) => (upstream <= last ? Math.max(most, client) : most), Math.min(last, this.base));
    const refused = pairs.filter(({ client, upstream, ended }) => upstream > last && client <= top && ended !== SIDE.both);
    return { last: top, refused: refused.map(({ client }) => client) };
  }
}
