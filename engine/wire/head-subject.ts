import type { Codec, RequestFramer } from './codec.ts';
import type { Condition, Described, Facts, Subject } from './subject.ts';

/** The head that a framer read last, wherever its bytes lie now. One object for all messages of a connection. */
export class HeadSubject implements Subject {
  readonly #codec: Codec;
  readonly #head: RequestFramer;
  #bytes: Buffer = Buffer.alloc(0);
  #shift = 0;

  constructor(codec: Codec, head: RequestFramer) {
    this.#codec = codec;
    this.#head = head;
  }
  /** The head lies in `bytes`, `shift` bytes behind where the framer found it. */
  at(bytes: Buffer, shift: number): this {
    this.#bytes = bytes;
    this.#shift = shift;
    return this;
  }
  carries(wanted: readonly Condition[]): boolean {
    return this.#codec.carries(this.#bytes, this.#head.start + this.#shift, this.#head.headEnd + this.#shift, wanted);
  }
  facts(): Facts {
    const { start, nameStart, nameEnd, headEnd } = this.#head;
    const shift = this.#shift;
    return this.#codec.facts(this.#bytes, start + shift, nameStart + shift, nameEnd + shift, headEnd + shift);
  }
  describe(): Described {
    const { start, nameStart, nameEnd, headEnd } = this.#head;
    const shift = this.#shift;
    return this.#codec.describe(this.#bytes, start + shift, nameStart + shift, nameEnd + shift, headEnd + shift);
  }
}
