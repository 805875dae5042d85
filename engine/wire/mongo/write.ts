import { TYPE } from './elements.ts';

/**
 * What the answers that are made here consist of. Numbers are whole and have 32 bits, but for `ok`, which servers write as
 * a double. The bson package is not used for so little: it takes 17 MB in each thread that loads it.
 */
export type Value = number | string | readonly Value[] | Fields;
export interface Fields {
  readonly [key: string]: Value;
}

/** A BSON document of these fields, in their order. */
export function encode(fields: Fields): Buffer {
  return documentOf(Object.entries(fields).map(([key, value]) => element(key, value)));
}

/** A document of elements that are written already, with its length and its end. */
export function documentOf(elements: readonly Uint8Array[]): Buffer {
  const result = Buffer.concat([Buffer.alloc(4), ...elements, Buffer.alloc(1)]);
  result.writeInt32LE(result.length, 0);
  return result;
}

/** An element whose value is written already. A key has no zero byte. */
export const elementOf = (type: number, key: string, value: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(type), Buffer.from(`${key}\0`), value]);

function element(key: string, value: Value): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(`${value}\0`);
    return elementOf(TYPE.string, key, Buffer.concat([int32(text.length), text]));
  }
  if (typeof value !== 'number') {
    return elementOf(Array.isArray(value) ? TYPE.array : TYPE.document, key, encode(value as Fields));
  }
  if (key !== 'ok') return elementOf(TYPE.int32, key, int32(value));
  const double = Buffer.alloc(8);
  double.writeDoubleLE(value, 0);
  return elementOf(TYPE.double, key, double);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  return bytes;
}
