import type { HeaderList } from './header-list.ts';

/** Literal never indexed, literal without indexing (RFC 7541, 6.2.2 and 6.2.3): both leave the tables alone. */
const NEVER = 0x10;
const WITHOUT = 0x00;

/** Header blocks that need and change no table, so that they may stand anywhere among those of another encoder. */
export function encodeList(list: HeaderList): Buffer {
  // A field takes one byte and two lengths of up to five bytes beside its text.
  const out = Buffer.allocUnsafe(list.count * 11 + list.end);
  let at = 0;
  for (let i = 0; i < list.count; i++) {
    const [start, nameEnd, end] = [list.at[i * 2] as number, list.at[i * 2 + 1] as number, list.at[i * 2 + 2] as number];
    out[at++] = list.isSecret(i) ? NEVER : WITHOUT;
    at = writeInteger(out, at, 0, 7, nameEnd - start);
    at += list.bytes.copy(out, at, start, nameEnd);
    at = writeInteger(out, at, 0, 7, end - nameEnd);
    at += list.bytes.copy(out, at, nameEnd, end);
  }
  return out.subarray(0, at);
}

/** The same of names and values. */
export function encodeFields(fields: readonly (readonly [string, string | Uint8Array])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    const text = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value);
    const head = Buffer.allocUnsafe(12 + name.length);
    head[0] = WITHOUT;
    let at = writeInteger(head, 1, 0, 7, name.length);
    at += head.write(name, at, 'latin1');
    at = writeInteger(head, at, 0, 7, text.length);
    parts.push(head.subarray(0, at), text);
  }
  return Buffer.concat(parts);
}

/** The block, at whose beginning its encoder announces that its table has another size now (RFC 7541, 4.2 and 6.3). */
export function announcing(size: number, block: Buffer): Buffer {
  const front = Buffer.allocUnsafe(6);
  return Buffer.concat([front.subarray(0, writeInteger(front, 0, 0x20, 5, size)), block]);
}

/** RFC 7541, 5.1. Returns where the next byte goes. */
function writeInteger(out: Uint8Array, at: number, pattern: number, bits: number, value: number): number {
  const mask = (1 << bits) - 1;
  if (value < mask) {
    out[at] = pattern | value;
    return at + 1;
  }
  out[at++] = pattern | mask;
  for (value -= mask; value >= 0x80; value >>>= 7) out[at++] = (value & 0x7f) | 0x80;
  out[at] = value;
  return at + 1;
}
