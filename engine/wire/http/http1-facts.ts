import { contextOf } from '../baggage.ts';
import type { Facts } from '../subject.ts';

/** What conditions see of the request head in bytes[start, end) with its target at [nameStart, nameEnd). */
export function requestFacts(bytes: Buffer, start: number, nameStart: number, nameEnd: number, end: number): Facts {
  let from = start;
  while (bytes[from] === 13 || bytes[from] === 10) from++;
  const target = bytes.toString('utf8', nameStart, nameEnd);
  const query = target.indexOf('?');
  const headers: Record<string, string> = {};
  for (const line of bytes.toString('utf8', nameEnd, end).split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  }
  const request = {
    method: bytes.toString('latin1', from, nameStart - 1),
    path: query < 0 ? target : target.slice(0, query),
    query: query < 0 ? '' : target.slice(query + 1),
    headers,
  };
  return { request, ...contextOf((name) => (Object.hasOwn(headers, name) ? headers[name] : undefined)) };
}
