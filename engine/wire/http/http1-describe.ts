import { sentBy } from '../baggage.ts';
import { blotField, blotText } from '../blot.ts';
import type { Described } from '../subject.ts';

/** Most characters of a head, a target and an id that are shown. */
const HEAD_LENGTH = 2_048;
const ID_LENGTH = 128;
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** The request head in bytes[start, end), its target at [nameStart, nameEnd), for people: without its secrets. */
export function describeRequest(bytes: Buffer, start: number, nameStart: number, nameEnd: number, end: number): Described {
  let from = start;
  while (bytes[from] === 13 || bytes[from] === 10) from++;
  const method = bytes.toString('latin1', from, nameStart - 1);
  const lines = bytes.toString('utf8', from, end).split('\r\n');
  let head = blotText(lines[0] ?? '');
  let traceparent = '';
  let requestId = '';
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line === '') continue;
    if (traceparent === '') traceparent = valueOf(line, 'traceparent');
    if (requestId === '') requestId = valueOf(line, 'x-request-id').slice(0, ID_LENGTH);
    // A value is cut only after it was judged as a whole.
    if (head.length < HEAD_LENGTH) head += `\r\n${blotField(line)}`;
  }
  return { method, target: pathOf(bytes.toString('utf8', nameStart, nameEnd)), ...sentBy(traceparent), requestId, head: head.slice(0, HEAD_LENGTH) };
}

/** The value of the field line when its name is `name` (in lower case); else ''. */
function valueOf(line: string, name: string): string {
  if (line.charCodeAt(name.length) !== 58 || line.slice(0, name.length).toLowerCase() !== name) return '';
  return line.slice(name.length + 1).trim();
}

/** The path of any form of request target (RFC 9112, 3.2), without the query. */
function pathOf(target: string): string {
  const path = target.charCodeAt(0) === 47 ? target : target.replace(ORIGIN, '') || '/';
  return blotText(path.split(/[?#]/, 1)[0] as string).slice(0, HEAD_LENGTH);
}
