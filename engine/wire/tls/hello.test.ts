import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { helloOf, inRecords } from '../../../test/wire/tls/parts.ts';
import { upstreamOf } from './by-name.ts';
import { MAX_HELLO, readHello } from './hello.ts';

/** The hello with an extension of so many bytes more (padding, RFC 7685), in records as large as they may be. */
function padded(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  let at = 4 + 2 + 32;
  at += 1 + (message[at] as number);
  at += 2 + message.readUInt16BE(at);
  at += 1 + (message[at] as number);
  const extensions = message.subarray(at + 2);
  const head = Buffer.from(message.subarray(0, at + 2));
  // The padding comes first, so that the name lies behind it.
  const all = Buffer.concat([head, Buffer.from([0, 21, size >> 8, size & 0xff]), Buffer.alloc(size), extensions]);
  all.writeUInt16BE(extensions.length + 4 + size, at);
  all.writeUIntBE(all.length - 4, 1, 3);
  return inRecords(Buffer.concat([Buffer.alloc(5), all]), 16_384);
}

describe('the first message of a TLS client', { timeout: 60_000 }, () => {
  it('tells the name and the protocols, in whatever pieces and records it comes', async () => {
    const hello = await helloOf({ servername: 'Api.Example', ALPNProtocols: ['h2', 'http/1.1'] });
    const told = { serverName: 'api.example', protocols: ['h2', 'http/1.1'] };
    assert.deepEqual(readHello(hello), told);
    for (const size of [1, 7, 100]) assert.deepEqual(readHello(inRecords(hello, size)), told, `records of ${size}`);
    for (const bytes of [hello, inRecords(hello, 7)]) {
      for (let end = 0; end < bytes.length; end++) assert.equal(readHello(bytes.subarray(0, end)), undefined, `${end} of ${bytes.length} bytes`);
    }
    const large = padded(hello, 40_000);
    assert.deepEqual(readHello(large), told);
    assert.equal(readHello(large.subarray(0, 40_000)), undefined);
  });

  it('may name nobody', async () => {
    assert.deepEqual(readHello(await helloOf({})), { serverName: '', protocols: [] });
  });

  it('is none when it is no TLS, or longer than any', async () => {
    for (const text of ['GET / HTTP/1.1\r\n', '\u0000\u0000\u0000\u0008\u0004\u00d2\u0016\u002f', '\u0016\u0002', '\u0016\u0003\u0001\u0000\u0001\u0002', '\u0016\u0003\u0001\u0000\u0000']) {
      assert.equal(readHello(Buffer.from(text, 'latin1')), null, JSON.stringify(text));
    }
    assert.equal(readHello(Buffer.from([22, 3, 1, 0, 4, 1, 0x02, 0, 1])), null);
    const endless = inRecords(Buffer.concat([Buffer.alloc(5), Buffer.from([1, 0x01, 0xff, 0xf0]), Buffer.alloc(MAX_HELLO)]), 16_384);
    assert.equal(readHello(endless.subarray(0, MAX_HELLO)), null);
  });

  it('cut or spoilt anywhere it never throws', async () => {
    const hello = await helloOf({ servername: 'a.example', ALPNProtocols: ['h2'] });
    for (let at = 5; at < hello.length; at++) {
      for (const value of [0, 1, 127, 255]) {
        const spoilt = Buffer.from(hello);
        spoilt[at] = value;
        readHello(spoilt);
      }
    }
  });
});

describe('the upstream of a name', () => {
  it('is its own, else that of the longest ending, else none', () => {
    const place = (port: number) => ({ host: 'h', port });
    const names = { 'api.example': place(1), '*.example': place(2), '*.shop.example': place(3) };
    const found = ['api.example', 'x.example', 'a.shop.example', 'a.b.shop.example', 'shop.example', 'example', 'other', '', '*.example', '__proto__'];
    assert.deepEqual(found.map((name) => upstreamOf(names, name)?.port), [1, 2, 3, 3, 2, undefined, undefined, undefined, 2, undefined]);
  });
});
