/**
 * The Huffman code of HPACK (RFC 7541, Appendix B). The code is canonical: with the lengths of its words, in the order of
 * the symbols, the words themselves are known. The last length is that of EOS, which no text may hold.
 */
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const EOS = 256;
/** The shortest code word has this many bits, so a text has at most 8/5 as many bytes as its code. */
const SHORTEST = 5;

const EMITS = 0x200;
/** steps[state * 16 + nibble]: the next state in bits 0-8, whether a symbol ended in bit 9, that symbol from bit 10 on; -1 = no code. */
const { steps, ends } = compile();

/** Most bytes that a code of so many bytes can stand for. */
export const decodedAtMost = (length: number): number => Math.floor((length * 8) / SHORTEST);

/**
 * Decodes bytes[from, to) to out[at, ...), which must have room for `decodedAtMost`.
 * @returns where the text ends in `out`; -1 when the code is broken (RFC 7541, 5.2).
 */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  let state = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    let step = steps[state * 16 + (byte >> 4)] as number;
    if (step < 0) return -1;
    if ((step & EMITS) !== 0) out[at++] = step >> 10;
    step = steps[(step & 0x1ff) * 16 + (byte & 15)] as number;
    if (step < 0) return -1;
    if ((step & EMITS) !== 0) out[at++] = step >> 10;
    state = step & 0x1ff;
  }
  return ends[state] === 1 ? at : -1;
}

/** Two steps a byte; a nibble ends at most one symbol, because no code word is shorter than five bits. */
function compile(): { steps: Int32Array; ends: Uint8Array } {
  // children[2 * node + bit]: a node, or -1 - symbol.
  const children: number[] = [0, 0];
  for (const [symbol, word, length] of words()) {
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const slot = node * 2 + ((word >>> bit) & 1);
      if (children[slot] === 0) {
        children[slot] = children.length / 2;
        children.push(0, 0);
      }
      node = children[slot] as number;
    }
    children[node * 2 + (word & 1)] = -1 - symbol;
  }
  const count = children.length / 2;
  const compiled = new Int32Array(count * 16);
  for (let state = 0; state < count; state++) {
    for (let nibble = 0; nibble < 16; nibble++) compiled[state * 16 + nibble] = walk(children, state, nibble);
  }
  // Padding is up to seven bits of EOS, which are ones (RFC 7541, 5.2).
  const endings = new Uint8Array(count);
  for (let node = 0, ones = 0; ones < 8; ones++, node = children[node * 2 + 1] as number) endings[node] = 1;
  return { steps: compiled, ends: endings };
}

function walk(children: readonly number[], state: number, nibble: number): number {
  let node = state;
  let emitted = -1;
  for (let bit = 3; bit >= 0; bit--) {
    const next = children[node * 2 + ((nibble >> bit) & 1)] as number;
    if (next === -1 - EOS) return -1;
    if (next < 0) {
      emitted = -1 - next;
      node = 0;
    } else node = next;
  }
  return emitted < 0 ? node : node | EMITS | (emitted << 10);
}

/** Symbol, word and length of each code word: by length, then by symbol, each one more than the one before. */
function words(): [number, number, number][] {
  const order = LENGTHS.map((length, symbol) => [symbol, length] as const).sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  const found: [number, number, number][] = [];
  let word = 0;
  let length = order[0]?.[1] ?? 0;
  for (const [symbol, size] of order) {
    word <<= size - length;
    length = size;
    found.push([symbol, word, size]);
    word++;
  }
  return found;
}
