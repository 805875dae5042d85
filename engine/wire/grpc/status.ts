import { ERROR } from '../http2/frame.ts';
import { encodeFields } from '../http2/hpack-encoder.ts';
import type { Written } from '../http2/refuse.ts';
import type { Refusal } from '../subject.ts';

/** What a failing server says of itself (https://grpc.io/docs/guides/status-codes/). */
export const UNAVAILABLE = 14;
const NOTHING = Buffer.alloc(0);

/** The end of a call whose answer has begun already. */
export function trailers({ code, body }: Pick<Refusal, 'code' | 'body'>): Buffer {
  return encodeFields(statusOf(code, body));
}
/** The whole answer to a call: only trailers (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Responses"). */
export function trailersOnly({ code, body }: Pick<Refusal, 'code' | 'body'>, endStream: boolean): Written {
  const block = encodeFields([[':status', '200'], ['content-type', 'application/grpc'], ...statusOf(code, body)]);
  return { block, body: NOTHING, resets: endStream ? -1 : ERROR.none };
}
/** An injected error is never OK: 0 stands for UNAVAILABLE. */
function statusOf(code: number, body: Uint8Array): [string, string][] {
  const fields: [string, string][] = [['grpc-status', String(code === 0 ? UNAVAILABLE : code)]];
  if (body.length > 0) fields.push(['grpc-message', percentEncoded(body)]);
  return fields;
}
/** All but printable ASCII, and `%` itself (PROTOCOL-HTTP2.md, "Percent-Encoded"). */
function percentEncoded(text: Uint8Array): string {
  let out = '';
  for (const byte of text) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    out += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
