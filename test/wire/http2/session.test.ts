import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'node:test';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import { Http2Session } from '../../../engine/wire/http2/session.ts';
import { FakeLink } from '../fake-link.ts';
import { policy } from '../parts.ts';
import { ACK, data, get, goaway, headers, OPENING, post, rstStream, setting, settings, told, windowUpdate } from './frames.ts';

const OK = [[':status', '200']] as const;
const PREFACE = 24;
const linkUnder = (...policies: readonly Partial<WirePolicy>[]): FakeLink => new FakeLink('http', (link) => new Http2Session(link), policies.map(policy));
const failing = (over: Partial<WirePolicy> = {}): Partial<WirePolicy> => ({ target: '/broken*', errorChance: 1, errorCode: 500, errorBody: 'no', ...over });
const upstreamTold = (link: FakeLink): string[] => told(link.upstreamGot, { opening: PREFACE });
const opened = (link: FakeLink): FakeLink => link.client(OPENING).upstream(Buffer.concat([settings(), ACK])).client(ACK);
/** All of a frame by its bytes, in pieces of this size. */
function inPieces(size: number, bytes: Buffer, say: (part: Buffer) => void): void {
  for (let at = 0; at < bytes.length; at += size) say(bytes.subarray(at, at + size));
}
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 60_000; !condition(); ) {
    assert.ok(performance.now() < deadline, 'waited in vain');
    await pause(2);
  }
}

describe('an HTTP/2 session', { timeout: 300_000 }, () => {
  it('says the same whatever the pieces are, also around a refusal', () => {
    const said = Buffer.concat([
      OPENING, ACK,
      headers(1, get('/a', [['x-a', '1']]), { indexed: true, end: true }),
      headers(3, post('/broken', [['x-b', '2']]), { indexed: true, padding: 7, priority: true, pieces: 11 }),
      data(3, Buffer.alloc(500), { padding: 9 }), data(3, 'rest', { end: true }),
      headers(5, post('/b'), { known: [62, 67], pieces: 5 }), data(5, 'hello', { end: true }),
    ]);
    const answers = Buffer.concat([settings(), ACK, headers(1, OK, { end: true, pieces: 4 }), headers(5, OK), data(5, 'fine', { end: true, padding: 3 })]);
    const seen = [1, 2, 7, 100, 65_536].map((size) => {
      const link = linkUnder(failing());
      link.upstream(settings());
      inPieces(size, said, (part) => link.client(part));
      inPieces(size, answers, (part) => link.upstream(part));
      return [link.upstreamGot.toString('hex'), link.clientGot.toString('hex')];
    });
    for (const one of seen) assert.deepEqual(one, seen[0]);
    assert.deepEqual(told(Buffer.from(seen[0]?.[0] ?? '', 'hex'), { opening: PREFACE }), [
      'SETTINGS', 'ACK', '1 HEADERS :method=GET :path=/a x-a=1 end',
      // The first field is one that only the refused request put into the table.
      '5 HEADERS x-b=2 x-a=1 :method=POST :path=/b', '5 DATA 5 end',
    ]);
    assert.deepEqual(told(Buffer.from(seen[0]?.[1] ?? '', 'hex')), [
      'SETTINGS', '3 HEADERS :status=500 content-type=text/plain; charset=utf-8 content-length=2', '3 DATA 2 end',
      '0 WINDOW 510', '3 WINDOW 510', '0 WINDOW 4', 'SETTINGS', 'ACK', '1 HEADERS :status=200 end', '5 HEADERS :status=200', '5 DATA 8 end',
    ]);
  });

  it('answers only after the settings of the server, and never within its frames', () => {
    const link = linkUnder(failing());
    link.client(Buffer.concat([OPENING, headers(1, get('/broken'), { end: true })]));
    assert.equal(link.clientGot.length, 0);
    link.upstream(settings().subarray(0, 5));
    assert.equal(link.clientGot.length, 0);
    link.upstream(settings().subarray(5));
    assert.deepEqual(told(link.clientGot).map((text) => text.slice(0, 21)), ['SETTINGS', '1 HEADERS :status=500', '1 DATA 2 end']);
    const pushed = data(3, Buffer.alloc(1_000));
    link.client(headers(3, get('/a'), { end: true }));
    link.upstream(Buffer.concat([headers(3, OK), pushed.subarray(0, 500)])).clear();
    link.client(headers(5, get('/broken'), { end: true }));
    assert.equal(link.clientGot.length, 0, 'DATA is under way');
    link.upstream(Buffer.concat([pushed.subarray(500), headers(3, [['x-t', '1']], { end: true, pieces: 2 }).subarray(0, 12)]));
    assert.equal(link.clientGot.subarray(0, 509).equals(pushed.subarray(500)), true);
    assert.deepEqual(told(link.clientGot.subarray(509)).length, 2);
  });

  it('gives an answer as the windows of the client allow, and keeps what it takes from the upstream', () => {
    const link = opened(linkUnder(failing({ errorBody: 'x'.repeat(40_000) })));
    link.client(setting(4, 20_000)).clear();
    link.client(headers(1, get('/broken'), { end: true }));
    assert.deepEqual(told(link.clientGot).slice(1), ['1 DATA 16384', '1 DATA 3616']);
    link.client(windowUpdate(1, 10_000)).client(setting(4, 30_000));
    assert.deepEqual(told(link.clientGot).slice(3), ['1 DATA 10000', '1 DATA 10000 end']);
    assert.deepEqual(told(link.upstreamGot), ['SETTINGS'], 'a window of a stream that the upstream does not know');
    link.clear();
    link.client(headers(3, get('/a'), { end: true })).upstream(headers(3, OK));
    // 25,535 bytes of the connection are left, of which the upstream knows nothing.
    link.upstream(Buffer.concat([data(3, Buffer.alloc(16_384)), data(3, Buffer.alloc(9_151)), data(3, 'x')]));
    assert.deepEqual(told(link.clientGot).slice(1), ['3 DATA 16384', '3 DATA 9151']);
    assert.equal(link.session.upstreamFull, true);
    link.client(windowUpdate(0, 30_000));
    assert.deepEqual(told(link.clientGot).slice(3), ['3 DATA 1']);
    assert.equal(link.session.upstreamFull, false);
    link.client(windowUpdate(0, 20_000)).client(windowUpdate(0, 5_000));
    assert.deepEqual(told(link.upstreamGot).slice(1), ['0 WINDOW 10000', '0 WINDOW 5000'], 'the 40,000 of the answer are not its to have');
  });

  it('says once that there is no table any more, whatever sizes a request spoke of', () => {
    const link = opened(linkUnder(failing()));
    const sizes = Buffer.from([0x20, 0x3f, 0x45]);
    const refused = headers(1, get('/broken'), { end: true });
    const with5 = Buffer.concat([Buffer.from([0, 0, refused.length - 9 + 3]), refused.subarray(3, 9), sizes, refused.subarray(9)]);
    link.client(with5).clear();
    link.client(headers(3, get('/a'), { end: true })).client(headers(5, get('/b'), { end: true }));
    assert.deepEqual([...link.upstreamGot.subarray(9, 11)], [0x20, 0], 'size 0, and a field that is in no table');
    assert.deepEqual(told(link.upstreamGot), ['3 HEADERS :method=GET :path=/a end', '5 HEADERS :method=GET :path=/b end']);
  });

  it('gives streams behind a delayed one other ids upstream, and the client its own back', async () => {
    const link = opened(linkUnder({ target: '/slow', latencyChance: 1, latencyMs: 30 }));
    link.client(headers(1, get('/first'), { end: true })).client(headers(3, post('/slow')));
    link.client(Buffer.concat([data(3, 'a'), windowUpdate(3, 7), headers(5, post('/b')), data(5, 'bb', { end: true }), data(3, 'ccc').subarray(0, 10)]));
    assert.deepEqual(upstreamTold(link).slice(2), ['1 HEADERS :method=GET :path=/first end', '3 HEADERS :method=POST :path=/b', '3 DATA 2 end']);
    await until(() => upstreamTold(link).length > 5);
    link.client(data(3, 'ccc').subarray(10)).client(headers(3, [['x-t', '1']], { end: true }));
    assert.deepEqual(upstreamTold(link).slice(5), ['5 HEADERS :method=POST :path=/slow', '5 DATA 1', '5 WINDOW 7', '5 DATA 3', '5 HEADERS x-t=1 end']);
    link.clear();
    link.upstream(Buffer.concat([headers(3, OK), windowUpdate(5, 9), data(3, 'x', { end: true }), headers(5, OK, { end: true }), headers(1, OK, { end: true })]));
    assert.deepEqual(told(link.clientGot), ['5 HEADERS :status=200', '3 WINDOW 9', '5 DATA 1 end', '3 HEADERS :status=200 end', '1 HEADERS :status=200 end']);
  });

  it('refuses what a GOAWAY leaves out, by the ids of the client', () => {
    const link = opened(linkUnder({ target: '/slow', latencyChance: 1, latencyMs: 600_000 }));
    link.client(headers(1, get('/slow'), { end: true })).client(headers(3, get('/a'), { end: true })).client(headers(5, post('/slow')));
    link.client(data(5, 'waits')).client(headers(7, get('/b'), { end: true })).clear();
    link.upstream(goaway(1, 0));
    // Upstream 3 is stream 1 and 7 is stream 3: only the first was acted on, and stream 1 never reached it.
    assert.deepEqual(told(link.clientGot), ['GOAWAY 3', '0 WINDOW 5', '1 RST 7'].sort((a, b) => Number(b.startsWith('G')) - Number(a.startsWith('G'))));
    link.session.closed();
  });

  it('forgets a delayed request that its client gives up, with its bytes given back', () => {
    const link = opened(linkUnder({ target: '/slow', latencyChance: 1, latencyMs: 600_000 }));
    link.client(headers(1, post('/slow'))).client(data(1, Buffer.alloc(100), { padding: 20 })).clear();
    link.client(rstStream(1, 8)).client(data(1, 'late')).client(headers(3, get('/a'), { end: true }));
    assert.deepEqual(told(link.upstreamGot), ['1 HEADERS :method=GET :path=/a end']);
    assert.deepEqual(told(link.clientGot), ['0 WINDOW 121', '0 WINDOW 4']);
    assert.equal(link.session.full, false);
  });

  it('sends nothing on a stream that was refused, however many were refused since', () => {
    for (const delayed of [false, true]) {
      const link = opened(linkUnder(failing(), { target: '/slow', latencyChance: 1, latencyMs: 600_000 }));
      if (delayed) link.client(headers(1, post('/slow')));
      link.client(headers(3, post('/broken')));
      for (let stream = 5; stream < 2_100; stream += 2) link.client(headers(stream, get('/broken'), { end: true })).client(rstStream(stream, 8));
      link.client(headers(2_101, get('/a'), { end: true })).clear();
      link.client(data(3, 'late')).client(windowUpdate(3, 9)).client(data(3, 'last', { end: true })).client(rstStream(3, 8));
      assert.deepEqual(told(link.upstreamGot), []);
      assert.deepEqual(told(link.clientGot).filter((text) => text.startsWith('0 ')), ['0 WINDOW 4', '0 WINDOW 4']);
      link.session.closed();
    }
  });

  it('stops reading from a client that sends far more behind delayed requests than it may', () => {
    const link = opened(linkUnder({ latencyChance: 1, latencyMs: 600_000 }));
    link.client(headers(1, post('/slow')));
    for (let n = 0; n < 300; n++) link.client(data(1, Buffer.alloc(16_000)));
    assert.equal(link.session.full, true);
    link.session.closed();
  });

  it('passes what it cannot follow, and says so; after a fault it ends such a connection', () => {
    const floods = [
      Buffer.concat([Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]), ...Array.from({ length: 20_000 }, () => Buffer.from([0, 0, 0, 9, 0, 0, 0, 0, 1]))]),
      Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3]),
      headers(1, [], { known: [100] }),
      Buffer.from([0, 0, 1, 1, 0xc, 0, 0, 0, 1, 9]),
    ];
    for (const flood of floods) {
      const link = opened(linkUnder(failing()));
      inPieces(4_096, flood, (part) => link.client(part));
      assert.equal(link.toldNotUnderstood.length, 1);
      link.client(Buffer.from('anything')).upstream(Buffer.from('more'));
      assert.ok(link.upstreamGot.equals(Buffer.concat([OPENING, ACK, flood, Buffer.from('anything')])));
      assert.ok(link.clientGot.subarray(-4).equals(Buffer.from('more')));
      const struck = opened(linkUnder(failing()));
      struck.client(headers(1, get('/broken'), { end: true })).clear();
      inPieces(4_096, Buffer.concat([headers(3, get('/a'), { end: true }), Buffer.from(flood).fill(3, 8, 9)]), (part) => struck.client(part));
      assert.equal(struck.closing, true);
      assert.equal(told(struck.clientGot).at(-1), 'GOAWAY 3');
    }
  });

  it('answers what was asked when the upstream cannot be reached', () => {
    const link = linkUnder();
    link.client(Buffer.concat([OPENING, headers(1, get('/a'), { end: true }), headers(3, post('/b'))]));
    link.session.upstreamFailed(new Error('refused'), false);
    const said = told(link.clientGot);
    assert.equal(said[0], 'SETTINGS');
    assert.deepEqual(said.filter((text) => text.includes('502')).map((text) => text.split(' ')[0]), ['1', '3']);
    assert.equal(said.at(-1), 'GOAWAY 3');
    const early = linkUnder();
    early.client(OPENING);
    early.session.upstreamFailed(new Error('refused'), false);
    assert.deepEqual([told(early.clientGot), early.closing], [['SETTINGS'], false]);
    early.clear();
    early.client(Buffer.concat([ACK, headers(1, get('/a'), { end: true })]));
    assert.deepEqual(told(early.clientGot).map((text) => text.slice(0, 21)), ['1 HEADERS :status=502', '1 DATA 53 end', 'GOAWAY 1']);
    assert.deepEqual([early.upstreamGot.length, early.closing], [0, true]);
  });

  it('answers what waited when the upstream cannot be reached', () => {
    const link = linkUnder({ target: '/slow', latencyChance: 1, latencyMs: 600_000 });
    link.client(Buffer.concat([OPENING, headers(1, get('/slow/1'), { end: true }), headers(3, post('/slow/2')), data(3, 'x')]));
    link.client(headers(5, get('/slow'), { end: true })).client(headers(7, post('/slow')));
    link.session.upstreamFailed(new Error('refused'), false);
    link.holds.releaseAll();
    const said = told(link.clientGot);
    assert.deepEqual(said.filter((text) => text.includes('502')).map((text) => text.split(' ')[0]), ['1', '3', '5', '7']);
    assert.deepEqual([said.at(-1), link.closing], ['GOAWAY 7', true]);
    const patient = linkUnder({ latencyChance: 1, latencyMs: 600_000 });
    patient.client(Buffer.concat([OPENING, headers(1, get('/a'), { end: true }), headers(3, get('/b'), { end: true })]));
    patient.session.upstreamFailed(new Error('refused'), false);
    assert.deepEqual([told(patient.clientGot), patient.closing], [['SETTINGS'], false]);
    patient.holds.releaseAll();
    assert.deepEqual(told(patient.clientGot).filter((text) => text.includes('502')).map((text) => text.split(' ')[0]), ['1', '3']);
    assert.equal(patient.closing, true);
  });

  it('ends the upstream only behind the last request that waits', async () => {
    const link = opened(linkUnder({ latencyChance: 1, latencyMs: 30 }));
    link.client(headers(1, get('/slow'), { end: true }));
    link.session.clientEnded();
    assert.equal(link.upstreamOver, false);
    await until(() => link.upstreamOver);
    assert.equal(upstreamTold(link).at(-1), '1 HEADERS :method=GET :path=/slow end');
  });
});
