import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { STEP } from '../codec.ts';
import { describeRequest } from './http1-describe.ts';
import { HttpRequestFramer } from './http1-request.ts';

/** Described from where the framer finds it, as in the wire; other bytes stand before and behind it. */
function described(lines: readonly string[]) {
  const before = 'rest of another message';
  const bytes = Buffer.from(`${before}${lines.join('\r\n')}\r\n\r\nGET /next`, 'utf8');
  const framer = new HttpRequestFramer();
  assert.equal(framer.step(bytes, before.length, bytes.length), STEP.head);
  return describeRequest(bytes, framer.start, framer.nameStart, framer.nameEnd, framer.headEnd);
}
const SECRET = 'S3cr3tS3cr3tS3cr3tS3cr3t';
const WEB_TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3';

describe('a request for people', () => {
  const fields = [
    `Authorization: Bearer ${SECRET}`, `authorization:Basic ${SECRET}`, `Proxy-Authorization: Digest ${SECRET}`,
    `Cookie: sid=${SECRET}; theme=dark`, `Set-Cookie: sid=${SECRET}`, `X-Api-Key: ${SECRET}`, `x-api-key:${SECRET}`,
    `X-Amz-Security-Token: ${SECRET}`, `X-CSRF-Token: ${SECRET}`, `X-Custom: Bearer ${SECRET}`, `X-Any: ${WEB_TOKEN}`,
    `Referer: http://a/cb?code=${SECRET}&x=1`, `X-Original-Url: https://me:${SECRET}@a/`,
  ];
  for (const field of fields) {
    it(`does not show ${field.slice(0, field.indexOf(':') + 1)}${field.includes('?') ? ' a query' : ''}`, () => {
      const { head } = described(['GET / HTTP/1.1', 'Host: a', field, 'Accept: */*']);
      assert.ok(!head.includes(SECRET) && !head.includes('eyJ') && head.includes('***'), head);
      assert.ok(head.startsWith('GET / HTTP/1.1\r\nHost: a\r\n') && head.endsWith('\r\nAccept: */*'), head);
    });
  }

  const targets: readonly (readonly [string, string])[] = [
    ['/a?access_token=x&page=2', '/a?access_token=***&page=2'],
    ['/a?page=2&API_KEY=x', '/a?page=2&API_KEY=***'],
    ['/a?access%5Ftoken=x', '/a?access%5Ftoken=***'],
    ['/a?apiKey=x;q=shoes', '/a?apiKey=***;q=shoes'],
    ['/a?X-Amz-Signature=x&X-Amz-Expires=60', '/a?X-Amz-Signature=***&X-Amz-Expires=60'],
    ['/a?sig=x&sv=2022', '/a?sig=***&sv=2022'],
    ['/a?password=', '/a?password=***'],
    [`/a?k=${SECRET}`, '/a?k=***'],
    [`/a?${SECRET}`, '/a?***'],
    [`/a/${WEB_TOKEN}/b`, '/a/***/b'],
    ['http://me:pw@host/a?b=c', 'http://***@host/a?b=c'],
    ['/a?keyword=shoes&author=me&postcode=1010', '/a?keyword=shoes&author=me&postcode=1010'],
    ['/a?q=hello+world+of+long+plain+words', '/a?q=hello+world+of+long+plain+words'],
    ['/a?%E0%A4%A=x', '/a?%E0%A4%A=x'],
  ];
  for (const [target, shown] of targets) {
    it(`shows ${target.slice(0, 60)} as ${shown}`, () => {
      assert.equal(described([`GET ${target} HTTP/1.1`, 'Host: a']).head, `GET ${shown} HTTP/1.1\r\nHost: a`);
    });
  }

  it('cuts a long head, but judges a value as a whole before it is cut', () => {
    const filler = `X-Filler: ${'x'.repeat(1_990)}`;
    const { head } = described(['GET / HTTP/1.1', filler, `Referer: http://a/?k=${SECRET}`, `Cookie: a=${SECRET}`]);
    assert.equal(head.length, 2_048);
    assert.ok(!head.includes('S3cr') && head.includes('k=***'), head.slice(-60));
  });

  it('finds the trace and the request id wherever they stand, and only when they are well-formed', () => {
    const id = '4bf92f3577b34da6a3ce929d0e0e4736';
    const long = `X-Filler: ${'x'.repeat(3_000)}`;
    const found = described(['GET / HTTP/1.1', long, `TraceParent: 00-${id.toUpperCase()}-00f067aa0ba902b7-01`, 'X-REQUEST-ID: 7']);
    assert.deepEqual([found.traceId, found.requestId], [id, '7']);
    for (const wrong of [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `00-${id}`, 'nonsense']) {
      assert.equal(described(['GET / HTTP/1.1', `traceparent: ${wrong}`]).traceId, '');
    }
    assert.equal(described(['GET / HTTP/1.1', `X-Request-Id: ${'r'.repeat(500)}`]).requestId.length, 128);
  });

  it('says the path of every form of target, within bounds', () => {
    const targetOf = (target: string, method = 'GET'): string[] => {
      const { method: verb, target: path } = described(['', `${method} ${target} HTTP/1.1`, 'Host: a']);
      return [verb, path];
    };
    assert.deepEqual(targetOf('/a/b?c=d'), ['GET', '/a/b']);
    assert.deepEqual(targetOf('http://host:80/a?b', 'POST'), ['POST', '/a']);
    assert.deepEqual(targetOf('http://host'), ['GET', '/']);
    assert.deepEqual(targetOf('*', 'OPTIONS'), ['OPTIONS', '*']);
    assert.deepEqual(targetOf('host:443', 'CONNECT'), ['CONNECT', 'host:443']);
    assert.equal(targetOf(`/${'x'.repeat(20_000)}`)[1]?.length, 2_048);
  });
});
