import { contextOf, type TravellingContext } from '../baggage.ts';
import { lengthEncodedAt, lengthSize } from './protocol.ts';

/** Types whose values are of one length, in bytes (Protocol::MYSQL_TYPE_*); all others begin with their own. */
const SIZES: Readonly<Record<number, number>> = { 1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 6: 0, 8: 8, 9: 4, 13: 2 };
/** Far more than any client sends. */
const MOST = 64;

/** The texts among the query attributes that were read last, by their names. One for all connections of a worker. */
const texts = new Map<string, string>();
/** What they carry: MySQL's own connectors write `traceparent` there. Only until the next are read. */
export const carriedByAttributes = (): TravellingContext => contextOf((name) => texts.get(name));

/**
 * Reads the query attributes in front of the SQL of a COM_QUERY (CLIENT_QUERY_ATTRIBUTES). Returns where the SQL begins, or
 * -1 when they do not end within bytes[at, end).
 */
export function readAttributes(bytes: Buffer, at: number, end: number): number {
  const count = lengthEncodedAt(bytes, at);
  let next = at + lengthSize(bytes[at] as number);
  next += lengthSize(bytes[next] as number);
  if (texts.size > 0) texts.clear();
  if (count === 0 || next > end) return next > end ? -1 : next;
  if (count > MOST) return -1;
  const nulls = next;
  next += Math.ceil(count / 8) + 1;
  const named: { readonly type: number; readonly name: string }[] = [];
  while (named.length < count && next < end) {
    const type = bytes[next] as number;
    const from = next + 2 + lengthSize(bytes[next + 2] as number);
    const to = from + lengthEncodedAt(bytes, next + 2);
    named.push({ type, name: bytes.toString('utf8', from, Math.min(to, end)) });
    next = to;
  }
  named.forEach(({ type, name }, i) => {
    if (next >= end || ((bytes[nulls + (i >> 3)] as number) & (1 << (i & 7))) !== 0) return;
    const size = SIZES[type];
    const from = size === undefined ? next + lengthSize(bytes[next] as number) : next;
    const to = size === undefined ? from + lengthEncodedAt(bytes, next) : next + size;
    if (size === undefined && to <= end) texts.set(name.toLowerCase(), bytes.toString('utf8', from, to));
    next = to;
  });
  return named.length === count && next <= end ? next : -1;
}

/** Whether the attributes that were read last say anything. */
export const saidAnything = (): boolean => texts.size > 0;
