import { Stage } from './stage.ts';
import { die } from './spec.ts';

/**
 * The stream as pieces of `pieceSize` bytes, counted from where the toxic took hold: whether a piece is hit depends on its
 * number alone, so the same seed hits the same bytes however they arrive.
 */
abstract class Pieces extends Stage {
  #piece = -1;
  #left = 0;
  #hit = false;

  /** Calls back with each part of a piece that is hit: bytes[start, end), which are the bytes from `at` on of the piece. */
  protected eachHit(length: number, hit: (start: number, end: number, at: number, piece: number) => void): void {
    const { pieceSize, chance } = this.toxic;
    for (let start = 0; start < length;) {
      if (this.#left === 0) {
        this.#left = pieceSize;
        this.#hit = die(this.toxic, this.held.number, ++this.#piece) < chance;
        this.count('amount');
      }
      const size = Math.min(this.#left, length - start);
      if (this.#hit) hit(start, start + size, pieceSize - this.#left, this.#piece);
      start += size;
      this.#left -= size;
    }
  }
  protected struck(): void {
    this.count('hits');
    this.acted('error');
  }
}

/** Pieces that are hit never arrive. */
export class Loss extends Pieces {
  take(bytes: Uint8Array, owned: boolean): void {
    let from = 0;
    this.eachHit(bytes.length, (start, end, at) => {
      if (at === 0) this.struck();
      if (start > from) this.next.take(bytes.subarray(from, start), owned);
      from = end;
    });
    if (from < bytes.length) this.next.take(from === 0 ? bytes : bytes.subarray(from), owned);
  }
}

/** In each piece that is hit one byte is another one. */
export class Corruption extends Pieces {
  take(bytes: Uint8Array, owned: boolean): void {
    let changed: Buffer | undefined;
    this.eachHit(bytes.length, (start, end, at, piece) => {
      const where = start + Math.floor(die(this.toxic, ~this.held.number, piece) * this.toxic.pieceSize) - at;
      if (where < start || where >= end) return;
      changed ??= Buffer.from(bytes);
      // Never 0: the byte is another one for certain.
      changed[where] = (changed[where] as number) ^ (1 + Math.floor(die(this.toxic, this.held.number, ~piece) * 255));
      this.struck();
    });
    this.next.take(changed ?? bytes, owned || changed !== undefined);
  }
}
