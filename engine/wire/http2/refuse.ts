import { contentTypeOf } from '../http/content-type.ts';
import type { Refusal } from '../subject.ts';
import { ERROR } from './frame.ts';
import type { HeaderList } from './header-list.ts';
import { encodeFields } from './hpack-encoder.ts';

/** An answer to a request: its fields, its body, and the error code of an RST_STREAM behind it (-1 = none). */
export interface Written {
  readonly block: Buffer;
  readonly body: Buffer;
  readonly resets: number;
  /** The fields only announce an answer (1xx), which never comes. */
  readonly interim?: boolean;
}
const NOTHING = Buffer.alloc(0);

/**
 * What a server that fails would answer, to the request with these fields. Its client may send the request to the end, as
 * in HTTP/1.1: asking it to stop (RST_STREAM with NO_ERROR) makes some, such as curl 7.88, lose the answer.
 */
export function writeRefusal({ code, body, retryAfter }: Refusal, request: HeaderList): Written {
  // 101 means nothing in HTTP/2 (RFC 9113, 8.6).
  if (code < 200) return { block: encodeFields([[':status', code === 101 ? '100' : String(code)]]), body: NOTHING, resets: ERROR.internal, interim: true };
  const bodiless = code === 204 || code === 304;
  const content = bodiless || request.get(':method') === 'HEAD' ? NOTHING : Buffer.from(body);
  const fields: [string, string][] = [[':status', String(code)]];
  if (!bodiless) {
    if (body.length > 0) fields.push(['content-type', contentTypeOf(body)]);
    fields.push(['content-length', String(body.length)]);
  }
  if (retryAfter > 0) fields.push(['retry-after', String(retryAfter)]);
  return { block: encodeFields(fields), body: content, resets: -1 };
}

export function writeUnreachable(text: string): Written {
  const body = Buffer.from(`${text}\n`);
  const fields = [[':status', '502'], ['content-type', 'text/plain; charset=utf-8'], ['content-length', String(body.length)]] as const;
  return { block: encodeFields(fields), body, resets: -1 };
}
