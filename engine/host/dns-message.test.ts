import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededStream } from '../kernel/random.ts';
import { addressBytes, forge, framed, Frames, isLocalName, matchesDomain, questionOf } from './dns-message.ts';

/** A question for the A record of `name`, recursion desired. */
function query(name: string, more = '', type = 1, flags = 0x0100): Buffer {
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  const head = Buffer.from([0x12, 0x34, flags >> 8, flags & 0xff, 0, 1, 0, 0, 0, 0, 0, more === '' ? 0 : 1]);
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, type, 0, 1]), Buffer.from(more, 'hex')]);
}

test('the question is read, whatever its letters', () => {
  assert.deepEqual(questionOf(query('Api.Example.ORG')), { id: 0x1234, name: 'api.example.org', type: 1, end: 33 });
  assert.equal(questionOf(query('a.b', '', 28))?.type, 28);
  const dotted = Buffer.concat([query('x').subarray(0, 12), Buffer.from([3]), Buffer.from('a.b'), Buffer.from([0, 0, 1, 0, 1])]);
  assert.equal(questionOf(dotted)?.name, 'a\\.b', 'a dot within a label is none between two');
});

test('what is no question of one name is left alone: answers, updates, compression, pieces, noise', () => {
  const good = query('api.example.org', '00002904d000000000000000');
  assert.equal(questionOf(query('a.b', '', 1, 0x8180)), undefined, 'an answer');
  assert.equal(questionOf(query('a.b', '', 1, 0x2800)), undefined, 'an update');
  for (let end = 0; end < 33; end++) assert.equal(questionOf(good.subarray(0, end)), undefined, `${end} bytes`);
  const pointer = Buffer.concat([query('a').subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
  assert.equal(questionOf(pointer), undefined);
  const random = seededStream(7);
  for (let round = 0; round < 5_000; round++) {
    const noise = Buffer.from(good);
    for (let count = 0; count < 4; count++) noise[Math.floor(random() * noise.length)] = Math.floor(random() * 256);
    const cut = noise.subarray(0, Math.floor(random() * (noise.length + 1)));
    const question = questionOf(cut);
    if (question !== undefined) for (const kind of ['nxdomain', 'servfail'] as const) assert.ok(forge(cut, question, { kind }).length >= 12);
  }
});

test('an answer says what it should and cannot be kept', () => {
  const asked = query('shop.test', '', 1, 0x0130); // AD and CD
  const question = questionOf(asked);
  assert.ok(question !== undefined);
  const tail = asked.subarray(12).toString('hex');
  // QR, RD, RA, CD; AD is the server's to set.
  assert.equal(forge(asked, question, { kind: 'servfail' }).toString('hex'), `123481920001000000000000${tail}`);
  assert.equal(forge(asked, question, { kind: 'address', bytes: Uint8Array.from([192, 0, 2, 1]) }).toString('hex'), `123481900001000100000000${tail}c00c00010001000000000004c0000201`);
});

test('names, addresses and frames', () => {
  const takes = (pattern: string, name: string): boolean => matchesDomain([pattern], name);
  assert.deepEqual([takes('all', ''), takes('a.b', 'a.b'), takes('a.b', 'x.a.b'), takes('*.a.b', 'x.a.b'), takes('*.a.b', 'y.x.a.b'), takes('*.a.b', 'a.b'), takes('*.a.b', 'xa.b')], [true, true, false, true, true, false, false]);
  assert.deepEqual(['localhost', 'x.localhost', 'localhost.org'].map(isLocalName), [true, true, false]);
  assert.deepEqual(addressBytes('192.0.2.255'), [192, 0, 2, 255]);
  assert.deepEqual(addressBytes('::1'), [...Array<number>(15).fill(0), 1]);
  assert.equal(Buffer.from(addressBytes('2001:db8::a:b')).toString('hex'), '20010db8000000000000 0000000a000b'.replace(' ', ''));
  assert.equal(Buffer.from(addressBytes('1:2:3:4:5:6:1.2.3.4')).toString('hex'), '00010002000300040005000601020304');
  assert.deepEqual(addressBytes('example.org'), []);
  const frames = new Frames();
  const wire = Buffer.concat([framed(Buffer.from('one')), framed(Buffer.from('')), framed(Buffer.from('three'))]);
  const out = [...wire].flatMap((byte) => frames.push(Buffer.from([byte])).map((message) => message.toString()));
  assert.deepEqual(out, ['one', '', 'three']);
});
