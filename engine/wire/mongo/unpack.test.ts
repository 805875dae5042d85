import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { COMPRESSED_HEAD, HEADER, message, packed } from '../../../test/wire/mongo/messages.ts';
import { COMPRESSOR, unpack } from './unpack.ts';

const KINDS = ['noop', 'snappy', 'zlib', 'zstd'] as const;
const MOST = 1_000_000;
const content = (plain: Buffer, kind: (typeof KINDS)[number]): Buffer => packed(plain, kind).subarray(COMPRESSED_HEAD);
/** Text that repeats, near and far, and noise that does not. */
const text = fc.array(fc.oneof(fc.constantFrom('a', 'abc', 'shop.orders ', 'x'.repeat(80)), fc.string({ maxLength: 300 })), { maxLength: 400 });

describe('packed messages', () => {
  for (const kind of KINDS) {
    it(`come out of ${kind} as they went in, and their beginning out of their beginning`, () => {
      fc.assert(
        fc.property(text, fc.double({ min: 0, max: 1, noNaN: true }), (parts, share) => {
          const plain = message({ insert: 'orders', text: parts.join('') });
          const body = plain.subarray(HEADER);
          const bytes = content(plain, kind);
          assert.ok(unpack(COMPRESSOR[kind], bytes, body.length)?.equals(body));
          const some = unpack(COMPRESSOR[kind], bytes.subarray(0, Math.floor(bytes.length * share)), MOST);
          assert.ok(some === undefined || body.subarray(0, some.length).equals(some));
        }),
        { numRuns: 60 },
      );
    });
    it(`larger than allowed are given up, damaged ones never throw (${kind})`, () => {
      const plain = message({ insert: 'orders', text: 'abcdefgh'.repeat(5_000) });
      const bytes = content(plain, kind);
      assert.equal(unpack(COMPRESSOR[kind], bytes, 20_000), undefined);
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }), (changes) => {
          const damaged = Buffer.from(bytes);
          for (const [at, value] of changes) damaged[at % Math.min(200, damaged.length)] = value;
          assert.ok((unpack(COMPRESSOR[kind], damaged, MOST)?.length ?? 0) <= MOST);
        }),
        { numRuns: 200 },
      );
    });
  }
  it('of an unknown kind are not unpacked', () => assert.equal(unpack(9, Buffer.from('abc'), MOST), undefined));
  it('yield their command long before their end', () => {
    const plain = message({ insert: 'orders', $db: 'shop' }, { sequence: { name: 'documents', documents: [{ x: 'y'.repeat(900_000) }, { z: 1 }] } });
    for (const kind of ['snappy', 'zlib'] as const) {
      assert.match(String(unpack(COMPRESSOR[kind], content(plain, kind).subarray(0, 200), MOST)), /\$db/, kind);
    }
  });
});
