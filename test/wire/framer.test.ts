import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Framer, STEP } from '../../engine/wire/codec.ts';
import { http1 } from '../../engine/wire/http/http1.ts';
import { CORPUS, get, head, ok, post } from './corpus.ts';

/** Where each step ended, as an offset into the whole stream: `h83` a head, `e86` a message, `o90` the end of sense. */
function steps(framer: Framer, stream: Buffer, pieces: readonly number[]): string[] {
  const found: string[] = [];
  let start = 0;
  for (const end of pieces) {
    for (let at = start; ; ) {
      const step = framer.step(stream, at, end);
      at = framer.position;
      if (step === STEP.opaque) return [...found, `o${at}`];
      if (step === STEP.more) {
        start = at;
        break;
      }
      found.push(`${step === STEP.head ? 'h' : 'e'}${at}`);
    }
  }
  return found;
}
const whole = (stream: Buffer): number[] => [stream.length];
const bytewise = (stream: Buffer): number[] => Array.from({ length: stream.length }, (_, i) => i + 1);
const side = (talk: readonly (string | Buffer)[], which: number): Buffer =>
  Buffer.concat(talk.filter((_, turn) => turn % 2 === which).map((text) => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text)));
const requests = (text: string): string[] => steps(http1.requests(), Buffer.from(text, 'latin1'), [text.length]);

/** Beyond this, byte by byte takes seconds and shows nothing new. */
const SHORT = 8_000;

describe('request framer', () => {
  it('tells where heads and messages end', () => {
    const one = get('/1');
    const two = post(['Content-Length: 3'], 'abc');
    assert.deepEqual(requests(one + two), [`h${one.length}`, `e${one.length}`, `h${one.length + two.length - 3}`, `e${one.length + two.length}`]);
    const three = post(['Transfer-Encoding: chunked'], '3;x\r\nabc\r\n0\r\nA: b\r\n\r\n');
    assert.deepEqual(requests(three), [`h${three.indexOf('\r\n\r\n') + 4}`, `e${three.length}`]);
  });
  it('names the request target', () => {
    const framer = http1.requests();
    const bytes = Buffer.from(`##${get('/a/b?c=d')}`);
    assert.equal(framer.step(bytes, 2, bytes.length), STEP.head);
    assert.equal(bytes.toString('latin1', framer.nameStart, framer.nameEnd), '/a/b?c=d');
    assert.equal(framer.start, 2);
  });
  for (const { name, talk } of CORPUS) {
    const stream = side(talk, 0);
    if (stream.length > SHORT) continue;
    it(`reads the same byte by byte: ${name}`, () => {
      const expected = steps(http1.requests(), stream, whole(stream));
      const found = steps(http1.requests(), stream, bytewise(stream));
      // What is not HTTP may be known earlier or later in a head; but what was recognised before is the same.
      assert.deepEqual(found.filter((step) => !step.startsWith('o')), expected.filter((step) => !step.startsWith('o')));
      assert.equal(found.at(-1)?.startsWith('o'), expected.at(-1)?.startsWith('o'));
    });
  }
});

describe('response framer', () => {
  const framer = (kinds: readonly number[]) => {
    const responses = http1.responses();
    for (const kind of kinds) responses.expect(kind);
    return responses;
  };
  it('knows which answers have no body, and when the stream itself is the end', () => {
    const [plain, headKind] = [0, 1];
    const stream = Buffer.from(head('HTTP/1.1 200 OK', 'Content-Length: 5') + head('HTTP/1.1 304 X', 'Content-Length: 5') + ok('ab') + head('HTTP/1.1 200 OK') + 'rest');
    const responses = framer([headKind, plain, plain, plain]);
    const found = steps(responses, stream, whole(stream));
    assert.deepEqual(found.map((step) => step[0]), ['h', 'e', 'h', 'e', 'h', 'e', 'h']);
    assert.equal(responses.outstanding, 1);
    assert.equal(responses.endsWithStream, true);
  });
  it('keeps the order of more requests than its ring first holds', () => {
    const kinds = Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    const stream = Buffer.from(kinds.map((kind) => (kind === 1 ? head('HTTP/1.1 200 OK', 'Content-Length: 7') : ok('1234567'))).join(''));
    const responses = framer(kinds);
    assert.equal(steps(responses, stream, whole(stream)).filter((step) => step.startsWith('e')).length, 100);
    assert.equal(responses.outstanding, 0);
  });
  for (const { name, talk } of CORPUS) {
    const stream = side(talk, 1);
    if (stream.length > SHORT) continue;
    it(`reads the same byte by byte: ${name}`, () => {
      const kinds = Array.from({ length: 40 }, () => 0);
      assert.deepEqual(
        steps(framer(kinds), stream, bytewise(stream)).filter((step) => !step.startsWith('o')),
        steps(framer(kinds), stream, whole(stream)).filter((step) => !step.startsWith('o')),
      );
    });
  }
});
