import { STATUS_CODES } from 'node:http';
import type { Codec } from '../codec.ts';
import type { Refusal } from '../subject.ts';
import { contentTypeOf } from './content-type.ts';
import { describeRequest } from './http1-describe.ts';
import { requestFacts } from './http1-facts.ts';
import { headCarries } from './http1-head.ts';
import { HttpRequestFramer, KIND } from './http1-request.ts';
import { HttpResponseFramer } from './http1-response.ts';

/** A refusal is an object of a compiled policy, so its bytes are made once per policy and variant. */
const written = new WeakMap<Refusal, (Buffer | undefined)[]>();

/** HTTP/1.x. */
export const http1: Codec = {
  requests: () => new HttpRequestFramer(),
  responses: () => new HttpResponseFramer(),
  carries: headCarries,
  facts: requestFacts,
  describe: describeRequest,
  refuse: (refusal, kind, last) => {
    let variants = written.get(refusal);
    if (variants === undefined) written.set(refusal, (variants = []));
    const variant = (kind === KIND.head ? 2 : 0) + (last ? 1 : 0);
    return (variants[variant] ??= write(refusal, kind === KIND.head, last));
  },
};

function write({ code, body, retryAfter }: Refusal, head: boolean, last: boolean): Buffer {
  const bodiless = code < 200 || code === 204 || code === 304;
  const content = bodiless ? new Uint8Array() : body;
  const lines = [`HTTP/1.1 ${code} ${STATUS_CODES[code] ?? 'Fault'}`];
  if (!bodiless) {
    if (content.length > 0) lines.push(`Content-Type: ${contentTypeOf(body)}`);
    lines.push(`Content-Length: ${content.length}`);
  }
  if (retryAfter > 0) lines.push(`Retry-After: ${retryAfter}`);
  if (last) lines.push('Connection: close');
  const start = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return head ? start : Buffer.concat([start, content]);
}
