import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as bson from 'bson';
import fc from 'fast-check';
import { Elements } from './elements.ts';

const EVERY_TYPE = {
  double: 1.5, string: 'grüße', document: { a: { b: 1 } }, array: [1, 'x', null], binary: new bson.Binary(Buffer.from([1, 2, 3])),
  id: new bson.ObjectId('6b016be579926b24d95ecc4c'), yes: true, no: false, date: new Date(0), none: null, regex: /a.b/i,
  code: new bson.Code('f()'), scoped: new bson.Code('f()', { x: 1 }), symbol: new bson.BSONSymbol('s'), int: new bson.Int32(7),
  time: new bson.Timestamp({ t: 1, i: 2 }), long: bson.Long.fromNumber(2 ** 40), decimal: bson.Decimal128.fromString('1.10'),
  least: new bson.MinKey(), most: new bson.MaxKey(), ref: new bson.DBRef('c', new bson.ObjectId()), '': 'no key',
};
const bytesOf = (document: bson.Document): Buffer => Buffer.from(bson.serialize(document));

/** Keys and the bytes of their values. */
function walk(bytes: Buffer, start: number, available: number): { readonly pairs: readonly [string, Buffer][]; readonly broken: boolean } {
  const elements = new Elements().open(bytes, start, available);
  const pairs: [string, Buffer][] = [];
  while (elements.next()) pairs.push([elements.key, bytes.subarray(elements.valueStart, elements.valueEnd)]);
  return { pairs, broken: elements.broken };
}

describe('the elements of a document', () => {
  it('are found whatever their type, and their bytes make the same document again', () => {
    const bytes = Buffer.concat([Buffer.from('##'), bytesOf(EVERY_TYPE), Buffer.from('##')]);
    const { pairs, broken } = walk(bytes, 2, bytes.length);
    assert.deepEqual(pairs.map(([key]) => key), Object.keys(EVERY_TYPE));
    assert.equal(broken, false);
    const length = pairs.reduce((sum, [key, value]) => sum + 2 + Buffer.byteLength(key) + value.length, 5);
    assert.equal(length, bytes.length - 4, 'nothing was left out between them');
  });
  it('reads old types that nobody writes any more', () => {
    const pointer = Buffer.concat([Buffer.from([0x0c, 0x70, 0]), Buffer.from([2, 0, 0, 0, 0x63, 0]), Buffer.alloc(12)]);
    const body = Buffer.concat([Buffer.from([0x06, 0x75, 0]), pointer]);
    const bytes = Buffer.concat([Buffer.alloc(4), body, Buffer.alloc(1)]);
    bytes.writeInt32LE(bytes.length, 0);
    assert.deepEqual(walk(bytes, 0, bytes.length).pairs.map(([key]) => key), ['u', 'p']);
  });
  it('that are not there yet are not found, and those before them are', () => {
    const bytes = bytesOf(EVERY_TYPE);
    const all = walk(bytes, 0, bytes.length).pairs;
    for (let available = 0; available < bytes.length; available++) {
      const { pairs, broken } = walk(bytes, 0, available);
      assert.equal(broken, true);
      assert.deepEqual(pairs, all.slice(0, pairs.length));
    }
  });
  it('of damaged documents never throw and never end outside of them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const bytes = bytesOf(EVERY_TYPE);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const elements = new Elements().open(bytes, 0, bytes.length);
        for (let last = 0; elements.next(); last = elements.valueEnd) assert.ok(elements.valueEnd > last && elements.valueEnd <= bytes.length);
      }),
      { numRuns: 2_000 },
    );
  });
});
