import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decimal128, type Document, Int32, Long, ObjectId, serialize } from 'bson';
import { FLAG, message, messagesIn, packed } from '../../../test/wire/mongo/messages.ts';
import { addElements, type Change, CHANGE_LIMIT, changed, nullFields, removeDocuments } from './change.ts';
import { Header } from './header.ts';

function change(bytes: Buffer, by: Change): Buffer | undefined {
  const header = new Header('upstream');
  const framed = Buffer.concat([Buffer.from('##'), bytes, Buffer.from('##')]);
  assert.ok(header.read(framed, 2));
  return changed(framed, 2, header, by);
}
const documentOf = (bytes: Buffer | undefined): Document | undefined => (bytes === undefined ? undefined : messagesIn(bytes)[0]?.document);
const cursor = (batch: readonly Document[], name = 'firstBatch'): Document => ({ cursor: { id: Long.fromNumber(2 ** 40), [name]: batch, ns: 'shop.orders' }, ok: 1, operationTime: 5 });
const DOCUMENTS = Array.from({ length: 12 }, (_, i) => ({ _id: ObjectId.createFromTime(i), n: i, deep: { a: { b: i }, list: [{ b: i, c: 1 }, { c: 2 }, 7] }, none: null }));

describe('a changed answer', () => {
  it('lacks documents, evenly spread and the first at least; the rest is as it was', () => {
    const left = (share: number, count = 12): number[] | undefined => {
      const document = documentOf(change(message(cursor(DOCUMENTS.slice(0, count))), removeDocuments(share)));
      if (document === undefined) return undefined;
      assert.deepEqual([document['ok'], document['operationTime'], document['cursor'].ns], [1, 5, 'shop.orders']);
      return document['cursor'].firstBatch.map(({ n }: { n: number }) => n) as number[];
    };
    assert.deepEqual(left(1), []);
    assert.deepEqual(left(0.5), [1, 3, 5, 7, 9, 11]);
    assert.deepEqual(left(0.01), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert.deepEqual(left(0.25), [1, 2, 3, 5, 6, 7, 9, 10, 11]);
    assert.deepEqual(left(0.5, 1), []);
    assert.equal(left(1, 0), undefined, 'nothing to remove');
  });
  it('keeps its numbers and flags, not its checksum or packing', () => {
    for (const bytes of [
      message(cursor(DOCUMENTS, 'nextBatch'), { id: 9, to: -3, flags: FLAG.moreToCome | FLAG.checksum }),
      packed(message(cursor(DOCUMENTS, 'nextBatch'), { id: 9, to: -3, flags: FLAG.moreToCome }), 'zstd'),
      packed(message(cursor(DOCUMENTS, 'nextBatch'), { id: 9, to: -3, flags: FLAG.moreToCome }), 'snappy'),
    ]) {
      const answer = change(bytes, removeDocuments(1)) ?? Buffer.alloc(0);
      const [read] = messagesIn(answer);
      assert.deepEqual([read?.id, read?.to, read?.flags, read?.document['cursor'].nextBatch], [9, -3, FLAG.moreToCome, []]);
      assert.equal(messagesIn(answer).length, 1);
    }
  });
  it('has null at the paths, through documents and arrays', () => {
    const nulled = (fields: readonly string[], share = 1): Document[] | undefined =>
      documentOf(change(message(cursor(DOCUMENTS.slice(0, 2))), nullFields(share, fields)))?.['cursor'].firstBatch as Document[] | undefined;
    const expected = (over: (i: number) => Document): Document[] => DOCUMENTS.slice(0, 2).map((document, i) => ({ ...document, ...over(i) }));
    assert.deepEqual(nulled(['n']), expected(() => ({ n: null })));
    assert.deepEqual(nulled(['deep.a.b', 'n'], 0.5), [{ ...DOCUMENTS[0], n: null, deep: { ...DOCUMENTS[0]?.deep, a: { b: null } } }, DOCUMENTS[1]]);
    assert.deepEqual(nulled(['deep.list.b']), expected((i) => ({ deep: { a: { b: i }, list: [{ b: null, c: 1 }, { c: 2 }, 7] } })));
    assert.deepEqual(nulled([]), expected(() => ({ n: null, deep: null })), 'all but _id');
    assert.equal(nulled(['absent', 'none', 'n.x']), undefined, 'nothing there to null');
  });
  it('keeps what it does not touch to the byte', () => {
    const document = { d: Decimal128.fromString('1.0'), i: new Int32(1), l: Long.fromNumber(1), x: 5 };
    const answer = change(message(cursor([document])), nullFields(1, ['x'])) ?? Buffer.alloc(0);
    assert.ok(answer.equals(message(cursor([{ ...document, x: null }]))));
  });
  it('has what was added, if it says that it succeeded', () => {
    const add = addElements(serialize({ writeConcernError: { code: 64 } }));
    assert.deepEqual(documentOf(change(message({ n: 1, ok: 1 }), add)), { n: 1, ok: 1, writeConcernError: { code: 64 } });
    assert.equal(change(message({ ok: 0, errmsg: 'no' }), add), undefined);
    assert.equal(change(message({ n: 1 }), add), undefined);
  });
  it('is not made of what has no documents, is too large or is damaged', () => {
    const by = removeDocuments(1);
    for (const document of [{ ok: 1 }, { cursor: 7 }, { cursor: { id: 0 } }, { cursor: { firstBatch: 'x' } }, { cursor: { firstBatch: [1, 2] } }]) {
      assert.equal(change(message(document), by), undefined);
    }
    assert.equal(change(packed(message(cursor([{ x: 'y'.repeat(CHANGE_LIMIT) }])), 'zlib'), by), undefined);
    const bytes = message(cursor(DOCUMENTS));
    for (let at = 16; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = value;
        change(damaged, by);
        change(damaged, nullFields(0.5, ['deep.list.b']));
      }
    }
    let deep: unknown = [1];
    for (let i = 0; i < 1_000; i++) deep = [deep];
    assert.equal(change(message(cursor([{ a: deep }])), nullFields(1, ['a.b'])), undefined);
  });
});
