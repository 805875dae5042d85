import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeaderList } from './header-list.ts';
import { BLOCK, HpackDecoder } from './hpack-decoder.ts';
import { announcing, encodeFields, encodeList } from './hpack-encoder.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
function fieldsOf(list: HeaderList): string[] {
  return Array.from({ length: list.count }, (_, i) => `${list.nameOf(i)}: ${list.valueOf(i)}`);
}
function read(decoder: HpackDecoder, block: Buffer): string[] {
  const list = new HeaderList();
  assert.equal(decoder.read(block, 0, block.length, list), BLOCK.ok);
  return fieldsOf(list);
}

/** RFC 7541, C.3 to C.6: the same exchanges plain and with Huffman code. */
const REQUESTS = {
  plain: ['828684410f7777772e6578616d706c652e636f6d', '828684be58086e6f2d6361636865', '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565'],
  coded: ['828684418cf1e3c2e5f23a6ba0ab90f4ff', '828684be5886a8eb10649cbf', '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf'],
};
const ASKED = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
];
const RESPONSES = {
  plain: [
    '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
    '4803333037c1c0bf',
    `88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31`,
  ],
  coded: [
    '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
    '4883640effc1c0bf',
    '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  ],
};
const SECOND = 'Mon, 21 Oct 2013 20:13:22 GMT';
const ANSWERED = [
  [':status: 302', 'cache-control: private', `date: ${SECOND.replace(':22', ':21')}`, 'location: https://www.example.com'],
  [':status: 307', 'cache-control: private', `date: ${SECOND.replace(':22', ':21')}`, 'location: https://www.example.com'],
  [
    ':status: 200', 'cache-control: private', `date: ${SECOND}`, 'location: https://www.example.com', 'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];

describe('header blocks', () => {
  for (const form of ['plain', 'coded'] as const) {
    it(`reads the requests of RFC 7541, Appendix C, ${form}`, () => {
      const decoder = new HpackDecoder();
      assert.deepEqual(REQUESTS[form].map((block) => read(decoder, hex(block))), ASKED);
    });
    it(`reads its responses with a table of 256 octets, ${form}, which makes entries go`, () => {
      const decoder = new HpackDecoder();
      const blocks = RESPONSES[form].map(hex);
      const first = Buffer.concat([hex('3fe101'), blocks[0] as Buffer]);
      assert.deepEqual([first, ...blocks.slice(1)].map((block) => read(decoder, block)), ANSWERED);
    });
    it(`keeps the table right while it only follows, ${form}`, () => {
      const [first = '', second = '', third = ''] = REQUESTS[form];
      const decoder = new HpackDecoder();
      for (const block of [hex(first), hex(second)]) assert.equal(decoder.follow(block, 0, block.length), BLOCK.ok);
      assert.deepEqual(read(decoder, hex(third)), ASKED[2]);
    });
  }

  it('announces a size in front of a block', () => {
    const decoder = new HpackDecoder();
    const add = hex('40 0161 0162');
    for (const size of [0, 256, 30, 31, 4_096]) {
      const announced = announcing(size, add);
      assert.deepEqual([...announced.subarray(0, -add.length)], [...hex({ 0: '20', 256: '3fe101', 30: '3e', 31: '3f00', 4_096: '3fe11f' }[size] ?? '')]);
      assert.deepEqual(read(decoder, announced), ['a: b']);
      // Only a table of at least 34 octets holds the entry.
      assert.equal(decoder.follow(hex('be'), 0, 1), size < 34 ? BLOCK.broken : BLOCK.ok);
    }
  });

  it('writes blocks that leave the table alone and keep what must not be indexed', () => {
    const list = new HeaderList();
    const decoder = new HpackDecoder();
    const secret = hex('100870617373776f726406736563726574');
    assert.equal(decoder.read(secret, 0, secret.length, list), BLOCK.ok);
    assert.deepEqual(encodeList(list), secret);
    const long = 'x'.repeat(70_000);
    assert.ok(read(decoder, encodeFields([[':status', '503'], ['a', long]])).join() === `:status: 503,a: ${long}`);
    assert.deepEqual(read(decoder, hex('82')), [':method: GET']);
    assert.equal(decoder.read(hex('be'), 0, 1, list), BLOCK.broken, 'nothing was added');
  });

  it('keeps a table of any size right over thousands of entries, whatever is evicted', () => {
    const decoder = new HpackDecoder();
    // What a table must hold, by the rule and without cleverness.
    let model: string[] = [];
    let limit = 4_096;
    let random = 7;
    const next = (below: number): number => (random = (random * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
    for (let round = 0; round < 3_000; round++) {
      const parts: Buffer[] = [];
      if (round % 97 === 96) {
        limit = [0, 100, 4_096, 31, 900][next(5)] as number;
        parts.push(limit < 31 ? Buffer.from([0x20 | limit]) : Buffer.from([0x3f, ((limit - 31) & 127) | (limit >= 159 ? 128 : 0), ...(limit >= 159 ? [(limit - 31) >> 7] : [])]));
      }
      const [name, value] = [`n${next(50)}`, 'v'.repeat(next(120))];
      parts.push(Buffer.from([0x40, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value));
      assert.deepEqual(read(decoder, Buffer.concat(parts)), [`${name}: ${value}`]);
      model.unshift(`${name}: ${value}`);
      const size = (): number => model.reduce((sum, text) => sum + text.length - 2 + 32, 0);
      while (size() > limit) model = model.slice(0, -1);
      model.slice(0, 60).forEach((text, i) => assert.deepEqual(read(decoder, Buffer.from([0x80 | (62 + i)])), [text]));
    }
  });

  it('gives up a list that a few bytes blow up, and goes on with the next block', () => {
    const decoder = new HpackDecoder();
    const list = new HeaderList();
    const entry = Buffer.concat([hex('40 01 61 7f a1 1e'), Buffer.alloc(4_000, 'b')]);
    assert.equal(decoder.read(entry, 0, entry.length, list), BLOCK.ok);
    const bomb = Buffer.alloc(60_000, 0xbe);
    assert.equal(decoder.read(bomb, 0, bomb.length, list), BLOCK.tooLong);
    assert.equal(read(decoder, hex('be'))[0]?.length, 4_003);
  });

  const broken = ['80', 'be', 'ff', 'ffffffffff7f', '00', '0001', '000161', '00016105', '8220', '00016181', '000161 84ffffffff', '3fffffff7f', '7f'];
  for (const block of broken) {
    it(`calls ${block} broken`, () => {
      const bytes = hex(block);
      const list = new HeaderList();
      assert.equal(new HpackDecoder().read(bytes, 0, bytes.length, list), BLOCK.broken);
    });
  }

  it('never throws on random bytes', () => {
    let random = 1;
    const next = (): number => (random = (random * 48_271) % 2_147_483_647) & 255;
    const list = new HeaderList();
    for (let round = 0; round < 2_000; round++) {
      const decoder = new HpackDecoder();
      for (let block = 0; block < 4; block++) {
        const bytes = Buffer.from(Array.from({ length: next() }, next));
        if (round % 2 === 0) decoder.read(bytes, 0, bytes.length, list);
        else decoder.follow(bytes, 0, bytes.length);
      }
    }
  });
});
