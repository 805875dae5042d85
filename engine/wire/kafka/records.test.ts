import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import lz4 from 'lz4js';
import snappy from 'snappyjs';
import { crc32c } from './crc32c.ts';
import { someRecord, withoutRecords } from './records.ts';
import { batch, type TestRecord } from './test-talk.ts';

const three: readonly TestRecord[] = [{ key: 'a', value: '1' }, { value: '2', headers: { 'X-Tier': 'vip', n: 'é' } }, { key: 'c', value: '3' }];

/** What a reader finds, by places that this test works out for itself (kafka.apache.org/documentation/#recordbatch). */
function found(batches: Buffer): { offsets: number[]; control: boolean[]; last: number[] } {
  const offsets: number[] = [];
  const control: boolean[] = [];
  const last: number[] = [];
  for (let at = 0; at + 12 <= batches.length; at += 12 + batches.readInt32BE(at + 8)) {
    const end = at + 12 + batches.readInt32BE(at + 8);
    if (end > batches.length) break;
    assert.equal(batches.readUInt32BE(at + 17), crc32c(batches, at + 21, end), 'the checksum is right');
    control.push((batches.readInt16BE(at + 21) & 0x20) !== 0);
    last.push(Number(batches.readBigInt64BE(at)) + batches.readInt32BE(at + 23));
    let seen = 0;
    someRecord(batches.subarray(at, end), (record) => (seen++, offsets.push(record.offset), false));
    if (!control.at(-1)) assert.equal(batches.readInt32BE(at + 57), seen, 'the count is right');
  }
  return { offsets, control, last };
}

const xerial = (bytes: Buffer): Buffer => {
  const blocks = [bytes.subarray(0, 10), bytes.subarray(10)].flatMap((block) => {
    const squeezed = snappy.compress(block);
    const length = Buffer.alloc(4);
    length.writeInt32BE(squeezed.length);
    return [length, squeezed];
  });
  return Buffer.concat([Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]), ...blocks]);
};
const CODECS: readonly [string, number, (bytes: Buffer) => Uint8Array][] = [
  ['none', 0, (bytes) => bytes],
  ['gzip', 1, (bytes) => gzipSync(bytes)],
  ['snappy', 2, (bytes) => snappy.compress(bytes)],
  ['snappy in blocks', 2, xerial],
  ['lz4', 3, (bytes) => lz4.compress(bytes)],
  ['zstd', 4, (bytes) => zstdCompressSync(bytes)],
];

describe('record batches', () => {
  it('have the checksum of RFC 3720', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe306_9283);
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a91_36aa);
  });
  for (const [name, codec, squeeze] of CODECS) {
    it(`lose records and keep offsets, compressed with ${name}`, () => {
      const batches = Buffer.concat([batch(10, three, codec, squeeze), batch(13, three, codec, squeeze)]);
      const { bytes, notUnderstood } = withoutRecords(batches, ({ offset }) => offset % 3 === 2);
      assert.equal(notUnderstood, '');
      assert.deepEqual(found(bytes), { offsets: [10, 12, 13, 15], control: [false, false], last: [12, 15] });
    });
  }
  it('are the same bytes when none is lost', () => {
    const batches = Buffer.concat([batch(0, three, 1, (bytes) => gzipSync(bytes)), batch(3, three)]);
    assert.equal(withoutRecords(batches, () => false).bytes, batches);
  });
  it('that lost every record stand as a mark at their last offset', () => {
    const { bytes } = withoutRecords(Buffer.concat([batch(5, three), batch(8, three)]), ({ offset }) => offset < 8);
    assert.deepEqual(found(bytes), { offsets: [8, 9, 10], control: [true, false], last: [7, 10] });
  });
  it('keep what was cut off at the end, marks of the broker, and what is too old', () => {
    const cut = Buffer.concat([batch(0, three), batch(3, three).subarray(0, 70)]);
    const { bytes } = withoutRecords(cut, () => true);
    assert.ok(bytes.subarray(-70).equals(cut.subarray(-70)));
    const mark = withoutRecords(batch(0, three), () => true).bytes;
    assert.equal(withoutRecords(mark, () => true).bytes, mark);
    const old = batch(0, three);
    old[16] = 1;
    const told = withoutRecords(old, () => true);
    assert.equal(told.bytes, old);
    assert.match(told.notUnderstood, /format 1/);
  });
  it('tell keys and headers of a record', () => {
    const told: unknown[] = [];
    const wanted = [{ name: Buffer.from('x-tier'), value: Buffer.from('vip') }];
    someRecord(batch(0, three), (record) => (told.push([record.key(), record.headers(), record.header('x-tier'), record.carries(wanted)]), false));
    assert.deepEqual(told, [
      ['a', {}, undefined, false],
      ['', { 'X-Tier': 'vip', n: 'é' }, 'vip', true],
      ['c', {}, undefined, false],
    ]);
  });
  it('never throw, whatever is in them', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => void withoutRecords(Buffer.from(noise), () => true)), { numRuns: 500 });
    const whole = batch(0, three, 0);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(7), (at, byte, codec) => {
        const broken = Buffer.from(whole);
        broken[at] = byte;
        broken.writeInt16BE(codec, 21);
        withoutRecords(broken, () => true);
      }),
      { numRuns: 2_000 },
    );
  });
});
