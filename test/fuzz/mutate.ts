import type { Turn } from '../wire/replay.ts';

/** Numbers from 0 to below n, the same for the same seed (xorshift32, Marsaglia 2003). */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = (seed | 0) === 0 ? 1 : seed | 0;
  }
  below(n: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % n;
  }
  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }
}

/** Lengths and counters are where parsers break: the edges of 8, 16, 31 and 32 bits. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** One conversation made from another: most of it stays as it was, so that what follows is still reached. */
export function mutate(turns: readonly Turn[], seeds: readonly (readonly Turn[])[], dice: Dice): Turn[] {
  const result = turns.map(({ from, bytes }) => ({ from, bytes: Buffer.from(bytes) }));
  for (let n = dice.below(4); n > 0 && result.length > 0; n--) {
    const at = dice.below(result.length);
    const turn = result[at] as { from: Turn['from']; bytes: Buffer };
    switch (dice.below(9)) {
      case 0:
        if (turn.bytes.length > 0) turn.bytes[dice.below(turn.bytes.length)] = dice.below(256);
        break;
      case 1: {
        const width = dice.pick([1, 2, 4] as const);
        if (turn.bytes.length >= width) writeEdge(turn.bytes, dice.below(turn.bytes.length - width + 1), width, dice);
        break;
      }
      case 2:
        turn.bytes = turn.bytes.subarray(0, dice.below(turn.bytes.length + 1));
        break;
      case 3: {
        const cut = dice.below(turn.bytes.length + 1);
        turn.bytes = Buffer.concat([
          turn.bytes.subarray(0, cut),
          turn.bytes.subarray(Math.min(turn.bytes.length, cut + 1 + dice.below(16))),
        ]);
        break;
      }
      case 4: {
        const from = dice.below(turn.bytes.length + 1);
        const piece = turn.bytes.subarray(from, Math.min(turn.bytes.length, from + 1 + dice.below(64)));
        turn.bytes = Buffer.concat([turn.bytes.subarray(0, from), piece, turn.bytes.subarray(from)]);
        break;
      }
      case 5:
        result.splice(at, 1);
        break;
      case 6:
        result.splice(at, 0, { from: turn.from, bytes: Buffer.from(turn.bytes) });
        break;
      case 7: {
        const other = dice.pick(dice.pick(seeds));
        if (other !== undefined) result.splice(at, 0, { from: other.from, bytes: Buffer.from(other.bytes) });
        break;
      }
      default:
        turn.from = turn.from === 'client' ? 'upstream' : 'client';
    }
  }
  return result;
}

function writeEdge(bytes: Buffer, at: number, width: 1 | 2 | 4, dice: Dice): void {
  const value = dice.pick(EDGES) % 2 ** (8 * width);
  if (dice.below(2) === 0) bytes.writeUIntBE(value, at, width);
  else bytes.writeUIntLE(value, at, width);
}
