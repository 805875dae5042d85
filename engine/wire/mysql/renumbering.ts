import { HEADER, PACKET } from './protocol.ts';

/** Where the packets of one direction begin, found in whatever pieces they come. */
class Numbers {
  #head = 0;
  #length = 0;
  #left = 0;
  /** Calls back with where the number of a packet lies, and where its first byte; may change the bytes there. */
  scan(bytes: Uint8Array, end: number, number: (at: number) => void, first: (value: number) => void): void {
    for (let at = 0; at < end; ) {
      if (this.#head < HEADER) {
        if (this.#head < HEADER - 1) this.#length += (bytes[at] as number) * 256 ** this.#head;
        else {
          number(at);
          this.#left = this.#length;
        }
        this.#head++;
        at++;
      } else {
        if (this.#left === this.#length && this.#left > 0) first(bytes[at] as number);
        const taken = Math.min(this.#left, end - at);
        this.#left -= taken;
        at += taken;
      }
      if (this.#head === HEADER && this.#left === 0) this.#head = this.#length = 0;
    }
  }
}

/** Numbers the packets of a login anew, in place, where one side of a route counts more of them than the other. */
export class Renumbering {
  readonly #more: number;
  readonly #client = new Numbers();
  readonly #server = new Numbers();
  #over = false;

  /** @param more by how much the client's numbers are ahead of the server's. */
  constructor(more: number) {
    this.#more = more;
  }
  fromClient(bytes: Uint8Array, length: number): void {
    this.#client.scan(
      bytes,
      length,
      // A command that did not wait for the end of the login counts from zero on both sides.
      (at) => (bytes[at] === 0 ? undefined : (bytes[at] = (bytes[at] as number) - this.#more)),
      () => {},
    );
  }
  /** Returns whether the login is over: the server let the client in, or did not. */
  fromServer(bytes: Uint8Array, length: number): boolean {
    this.#server.scan(
      bytes,
      length,
      (at) => (this.#over ? undefined : (bytes[at] = (bytes[at] as number) + this.#more)),
      (value) => (this.#over ||= value === PACKET.ok || value === PACKET.error),
    );
    return this.#over;
  }
}
