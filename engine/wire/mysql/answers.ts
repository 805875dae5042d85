import type { Link } from '../session.ts';
import { type Opening, OVER } from './opening.ts';
import type { PacketScanner } from './packets.ts';
import { HEADER, REPLY } from './protocol.ts';
import type { Responses } from './responses.ts';

/** The bytes of the server: handed on as they come and followed, or packet by packet while some are not for the client. */
export class Answers {
  /** From now on until `responses` owes nothing that is swallowed, packets are picked. Only while the server is silent. */
  picking = false;
  readonly #link: Link;
  readonly #packets: PacketScanner;
  readonly #responses: Responses;
  readonly #opening: Opening;
  /** Whether the packet under way is for the client. */
  #passing = true;

  constructor(link: Link, packets: PacketScanner, responses: Responses, opening: Opening) {
    this.#link = link;
    this.#packets = packets;
    this.#responses = responses;
    this.#opening = opening;
  }

  /** Returns why nobody can follow the answers any more, or ''. */
  read(bytes: Buffer, length: number): string {
    if (this.picking) return this.#pick(bytes, length);
    this.#hand(bytes, 0, length);
    for (let at = 0; this.#packets.step(bytes, at, length); at = this.#packets.position) {
      const why = this.#follow();
      if (why !== '') return why;
    }
    return '';
  }

  #follow(): string {
    if (!this.#opening.greeted) return this.#opening.greet();
    const before = this.#responses.authenticated;
    this.#responses.take(this.#packets);
    return before === this.#responses.authenticated ? '' : this.#opening.authenticated();
  }
  #pick(bytes: Buffer, length: number): string {
    const packets = this.#packets;
    let from = 0;
    for (let at = 0; packets.step(bytes, at, length); at = packets.position) {
      if (this.#passing) this.#hand(bytes, from, packets.start);
      from = packets.start;
      if (this.#opening.refuses(packets)) return this.#link.closing ? OVER : '';
      this.#passing = this.#responses.current !== REPLY.swallowed;
      const why = this.#follow();
      if (packets.bytes !== bytes) {
        // The head came in pieces, of which nothing was handed on.
        const head = Buffer.from(packets.bytes.subarray(packets.at - HEADER, packets.at + packets.available));
        if (this.#passing) this.#link.toClient(head);
        from = packets.position;
      }
      if (why === '') continue;
      this.#hand(bytes, from, length);
      return why;
    }
    if (this.#passing) this.#hand(bytes, from, packets.partial ? packets.start : length);
    if (this.#passing && !packets.partial && this.#responses.outstanding === 0) this.picking = false;
    return '';
  }
  #hand(bytes: Buffer, from: number, to: number): void {
    if (from < to && !this.#link.closing) this.#link.toClient(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }
}
