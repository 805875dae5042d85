/**
 * Conversations that must come through the wire identical to the byte. `talk` is what client and upstream say in turn,
 * the client first; `requests` is how many requests the wire may recognise in it: in what is ambiguous or malformed, none,
 * because a wire that goes on counting there is one that can be led to see a request which the server does not.
 */
export interface Case {
  readonly name: string;
  readonly talk: readonly (string | Buffer)[];
  readonly requests: number;
  /** Who ends the stream when all is said; by default the client closes. `client-first`: it says so before the answer. */
  readonly end?: 'upstream' | 'client-first';
}

export const CRLF = '\r\n';
/** A head from its lines. */
export const head = (...lines: string[]): string => [...lines, '', ''].join(CRLF);
export const get = (path = '/', ...lines: string[]): string => head(`GET ${path} HTTP/1.1`, 'Host: a', ...lines);
export const post = (lines: readonly string[], body: string): string => head('POST /p HTTP/1.1', 'Host: a', ...lines) + body;
export const ok = (body = 'ok', ...lines: string[]): string => head('HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...lines) + body;
export const chunked = (...parts: string[]): string => parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
const CHUNKED = 'Transfer-Encoding: chunked';
const long = (size: number): string => 'x'.repeat(size);
const opaque = (name: string, request: string | Buffer, end: Case['end'] = 'client-first'): Case => ({
  name, talk: [request, 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'], requests: 0, end,
});
const smuggled = get('/smuggled');

export const WELL_FORMED: readonly Case[] = [
  { name: 'a plain GET', talk: [get(), ok()], requests: 1 },
  { name: 'keep-alive: three exchanges', talk: [get('/1'), ok('a'), get('/2'), ok('b'), get('/3'), ok('c')], requests: 3 },
  { name: 'three pipelined requests, answers at once', talk: [get('/1') + get('/2') + get('/3'), ok('1') + ok('2') + ok('3')], requests: 3 },
  { name: 'thirty pipelined requests', talk: [get('/n').repeat(30), ok('n').repeat(30)], requests: 30 },
  { name: 'pipelined with bodies of both kinds', talk: [post(['Content-Length: 3'], 'abc') + post([CHUNKED], `${chunked('abc')}0\r\n\r\n`) + get(), ok() + ok() + ok()], requests: 3 },
  { name: 'empty lines before a request', talk: [CRLF + CRLF + get(), ok(), CRLF + get(), ok()], requests: 2 },
  { name: 'no headers at all', talk: ['GET / HTTP/1.1\r\n\r\n', ok()], requests: 1 },
  { name: 'Content-Length 0', talk: [post(['Content-Length: 0'], '') + get(), ok() + ok()], requests: 2 },
  { name: 'a body that looks like a request', talk: [post([`Content-Length: ${smuggled.length}`], smuggled), ok()], requests: 1 },
  { name: 'a chunk that looks like a request', talk: [post([CHUNKED], `${chunked(smuggled)}0\r\n\r\n`), ok()], requests: 1 },
  { name: 'chunks with extensions', talk: [post([CHUNKED], '3;a=b;c="d"\r\nabc\r\n0;last\r\n\r\n') + get(), ok() + ok()], requests: 2 },
  { name: 'chunks with trailers', talk: [post([CHUNKED], `${chunked('abc')}0\r\nX-Sum: 1\r\nX-Two: 2\r\n\r\n`) + get(), ok() + ok()], requests: 2 },
  { name: 'chunk sizes in both cases and with leading zeros', talk: [post([CHUNKED], `000A\r\n${long(10)}\r\n0b\r\n${long(11)}\r\n000\r\n\r\n`) + get(), ok() + ok()], requests: 2 },
  { name: 'header names in odd case', talk: [head('POST / HTTP/1.1', 'cOnTeNt-LeNgTh:3', 'HOST:a') + 'abc' + get(), ok() + ok()], requests: 2 },
  { name: 'blanks and tabs around values', talk: [head('POST / HTTP/1.1', 'Content-Length: \t 3 \t') + 'abc' + get(), ok() + ok()], requests: 2 },
  { name: 'bytes above 127 in values', talk: [get('/', 'X-Name: Zo\xeb \xff'), ok()], requests: 1 },
  { name: 'an empty value', talk: [get('/', 'X-Empty:'), ok()], requests: 1 },
  { name: 'absolute form', talk: ['GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n', ok()], requests: 1 },
  { name: 'OPTIONS *', talk: ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', ok()], requests: 1 },
  { name: 'an unknown method', talk: ['BREW-IT /pot HTTP/1.1\r\nHost: a\r\n\r\n', ok()], requests: 1 },
  { name: 'HTTP/1.0, answered until close', talk: ['GET / HTTP/1.0\r\n\r\n', 'HTTP/1.0 200 OK\r\n\r\nuntil the end'], requests: 1, end: 'upstream' },
  { name: 'HTTP/1.0 with keep-alive', talk: ['GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n1', get(), ok()], requests: 2 },
  { name: 'a head of 60 KB', talk: [get('/', `X-Big: ${long(60_000)}`) + get(), ok() + ok()], requests: 2 },
  { name: 'a target of 20 KB', talk: [get(`/${long(20_000)}`), ok()], requests: 1 },
  { name: 'four hundred headers', talk: [get('/', ...Array.from({ length: 400 }, (_, i) => `X-${i}: ${i}`)), ok()], requests: 1 },
  { name: 'a request body of 3 MB', talk: [post(['Content-Length: 3000000'], long(3_000_000)) + get(), ok() + ok()], requests: 2 },
  { name: 'a chunk of 1 MB', talk: [post([CHUNKED], `${chunked(long(1_000_000))}0\r\n\r\n`), ok()], requests: 1 },
  { name: 'two thousand tiny chunks', talk: [post([CHUNKED], `${chunked('z').repeat(2_000)}0\r\n\r\n`) + get(), ok() + ok()], requests: 2 },
  { name: '100-continue', talk: [post(['Content-Length: 3', 'Expect: 100-continue'], ''), head('HTTP/1.1 100 Continue'), 'abc', ok(), get(), ok()], requests: 2 },
  { name: '100-continue refused', talk: [post(['Content-Length: 3', 'Expect: 100-continue'], ''), head('HTTP/1.1 417 No', 'Content-Length: 0', 'Connection: close')], requests: 1, end: 'upstream' },
  { name: 'a client that ends its side before the answer', talk: [get(), ok()], requests: 1, end: 'client-first' },
  { name: 'upgrade accepted: bytes in both directions', talk: [get('/ws', 'Connection: Upgrade', 'Upgrade: websocket'), head('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket') + '\x81\x02hi', '\x81\x85maskGET / HTTP/1.1\r\n\r\n', '\x88\x00'], requests: 1 },
  { name: 'upgrade with bytes sent ahead', talk: [get('/ws', 'Connection: Upgrade', 'Upgrade: raw'), head('HTTP/1.1 101 Switching Protocols'), '\x00\x01\x02', '\x03'], requests: 1 },
  { name: 'upgrade declined, then another request', talk: [get('/', 'Connection: Upgrade', 'Upgrade: h2c'), ok(), get(), ok()], requests: 2 },
  { name: 'CONNECT accepted', talk: ['CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', head('HTTP/1.1 200 Established'), '\x16\x03\x01', '\x16\x03\x03'], requests: 1 },
  { name: 'CONNECT declined, then another request', talk: ['CONNECT a:443 HTTP/1.1\r\n\r\n', head('HTTP/1.1 403 No', 'Content-Length: 0'), get(), ok()], requests: 2 },
];

export const RESPONSES: readonly Case[] = [
  { name: 'HEAD with a Content-Length', talk: [head('HEAD / HTTP/1.1') + get(), head('HTTP/1.1 200 OK', 'Content-Length: 500') + ok()], requests: 2 },
  { name: 'HEAD with chunked', talk: [head('HEAD / HTTP/1.1') + get(), head('HTTP/1.1 200 OK', CHUNKED) + ok()], requests: 2 },
  { name: '204 and 304 have no body', talk: [get() + get() + get(), head('HTTP/1.1 204 No Content') + head('HTTP/1.1 304 Not Modified', 'Content-Length: 9') + ok()], requests: 3 },
  { name: 'interim answers before the final one', talk: [get(), head('HTTP/1.1 102 Processing') + head('HTTP/1.1 103 Early Hints', 'Link: </a>') + ok(), get(), ok()], requests: 2 },
  { name: 'chunked with trailers', talk: [get() + get(), head('HTTP/1.1 200 OK', CHUNKED) + chunked('abc', long(300)) + '0\r\nX: y\r\n\r\n' + ok()], requests: 2 },
  { name: 'no length: until close', talk: [get(), head('HTTP/1.1 200 OK') + long(5_000)], requests: 1, end: 'upstream' },
  { name: 'a coding that is not chunked: until close', talk: [get(), head('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip') + long(50)], requests: 1, end: 'upstream' },
  { name: 'no reason phrase', talk: [get(), 'HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n1', get(), 'HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n1'], requests: 2 },
  { name: 'a body of 5 MB', talk: [get() + get(), ok(long(5_000_000)) + ok()], requests: 2 },
  { name: 'a head of 30 KB', talk: [get(), ok('x', `Set-Cookie: ${long(30_000)}`), get(), ok()], requests: 2 },
  { name: 'cut off within the body', talk: [get(), head('HTTP/1.1 200 OK', 'Content-Length: 100') + 'half'], requests: 1, end: 'upstream' },
  { name: 'cut off within the head', talk: [get(), 'HTTP/1.1 200 OK\r\nContent-Le'], requests: 1, end: 'upstream' },
  { name: 'closed without an answer', talk: [get(), ''], requests: 1, end: 'upstream' },
  { name: 'both lengths', talk: [get(), head('HTTP/1.1 200 OK', CHUNKED, 'Content-Length: 3') + '3\r\nabc\r\n0\r\n\r\n'], requests: 1 },
  { name: 'two lengths', talk: [get(), head('HTTP/1.1 200 OK', 'Content-Length: 3', 'Content-Length: 4') + 'abcd'], requests: 1 },
  { name: 'not HTTP', talk: [get(), '220 mail.example ESMTP\r\n'], requests: 1 },
  { name: 'HTTP/0.9', talk: [get(), '<html>old</html>'], requests: 1, end: 'upstream' },
  { name: 'HTTP/2 status line', talk: [get(), 'HTTP/2 200\r\n\r\n'], requests: 1 },
  { name: 'a status of two digits', talk: [get(), 'HTTP/1.1 20 OK\r\n\r\n'], requests: 1 },
  { name: 'a bad chunk size', talk: [get(), head('HTTP/1.1 200 OK', CHUNKED) + 'zz\r\nabc'], requests: 1 },
  { name: 'bare line feeds', talk: [get(), 'HTTP/1.1 200 OK\nContent-Length: 1\n\n1'], requests: 1 },
  { name: 'more bytes than asked for', talk: [get(), ok() + 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'], requests: 1, end: 'upstream' },
  { name: 'an answer before the request body is complete', talk: [post(['Content-Length: 10'], '12345'), head('HTTP/1.1 413 Too Large', 'Content-Length: 0'), '67890' + get(), ok()], requests: 2 },
];

export const MALFORMED: readonly Case[] = [
  opaque('CL.TE smuggling', post(['Content-Length: 6', CHUNKED], `0\r\n\r\n${smuggled}`)),
  opaque('TE.CL smuggling', post([CHUNKED, 'Content-Length: 4'], `5c\r\n${smuggled}\r\n0\r\n\r\n`)),
  opaque('TE.TE smuggling', post([CHUNKED, 'Transfer-Encoding: identity'], `0\r\n\r\n${smuggled}`)),
  opaque('a coding before chunked', post(['Transfer-Encoding: gzip, chunked'], `0\r\n\r\n${smuggled}`)),
  opaque('a misspelt coding', post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${smuggled}`)),
  opaque('a blank before the colon', post(['Transfer-Encoding : chunked'], `0\r\n\r\n${smuggled}`)),
  opaque('two different lengths', post(['Content-Length: 3', 'Content-Length: 40'], `abc${smuggled}`)),
  opaque('the same length twice', post(['Content-Length: 3', 'Content-Length: 3'], `abc${smuggled}`)),
  opaque('a list of lengths', post(['Content-Length: 3, 3'], `abc${smuggled}`)),
  opaque('a signed length', post(['Content-Length: +3'], `abc${smuggled}`)),
  opaque('a hexadecimal length', post(['Content-Length: 0x3'], `abc${smuggled}`)),
  opaque('an empty length', post(['Content-Length:'], smuggled)),
  opaque('a length of 30 digits', post([`Content-Length: ${'9'.repeat(30)}`], smuggled)),
  opaque('chunked in HTTP/1.0', head('POST / HTTP/1.0', CHUNKED) + `0\r\n\r\n${smuggled}`),
  opaque('a folded header', get('/', 'X-A: b', ' c')),
  opaque('a header without a colon', get('/', 'nonsense')),
  opaque('a header without a name', get('/', ': value')),
  opaque('a bare line feed in the head', 'GET / HTTP/1.1\nHost: a\r\n\r\n'),
  opaque('a head of bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n'),
  opaque('a bare carriage return in a value', get('/', 'X-A: b\rTransfer-Encoding: chunked')),
  opaque('a zero byte in a value', get('/', 'X-A: \0')),
  opaque('a zero byte in the target', get('/a\0b')),
  opaque('two blanks in the request line', 'GET  / HTTP/1.1\r\n\r\n'),
  opaque('a blank in the target', 'GET /a b HTTP/1.1\r\n\r\n'),
  opaque('no version', 'GET /\r\n\r\n'),
  opaque('version 1.2', 'GET / HTTP/1.2\r\n\r\n'),
  opaque('the version in lower case', 'GET / http/1.1\r\n\r\n'),
  opaque('HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  opaque('TLS', Buffer.from('16030100a5010000a10303', 'hex')),
  opaque('a first word without end', long(200)),
  opaque('a head without end, cut off', 'GET / HTTP/1.1\r\nHost: a\r\nX-Half: '),
  opaque('a single byte', 'G'),
  opaque('a head beyond 64 KB', get('/', `X-Big: ${long(80_000)}`)),
  opaque('a request line beyond 64 KB', `GET /${long(80_000)} HTTP/1.1\r\n\r\n`),
  opaque('all bytes there are', Buffer.from(Array.from({ length: 256 }, (_, i) => i))),
  { name: 'a chunk size that is none', talk: [post([CHUNKED], `zz\r\n${smuggled}`), ok()], requests: 1 },
  { name: 'a chunk size of 20 digits', talk: [post([CHUNKED], `${'f'.repeat(20)}\r\n${smuggled}`), ok()], requests: 1 },
  { name: 'a negative chunk size', talk: [post([CHUNKED], `-1\r\n${smuggled}`), ok()], requests: 1 },
  { name: 'a chunk longer than it says', talk: [post([CHUNKED], `3\r\nabcd\r\n0\r\n\r\n${smuggled}`), ok()], requests: 1 },
  { name: 'a bare line feed behind a chunk size', talk: [post([CHUNKED], `3\nabc\r\n0\r\n\r\n${smuggled}`), ok()], requests: 1 },
  { name: 'a good request, then garbage', talk: [`${get()}\x01\x02\x03\r\n\r\n`, ok()], requests: 1 },
  { name: 'garbage, then a good request', talk: [`\x01\x02\x03\r\n\r\n${get()}`, ok()], requests: 0 },
];

export const CORPUS: readonly Case[] = [...WELL_FORMED, ...RESPONSES, ...MALFORMED];
