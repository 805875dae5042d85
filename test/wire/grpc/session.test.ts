import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import { GrpcSession } from '../../../engine/wire/grpc/session.ts';
import { FakeLink } from '../fake-link.ts';
import { ACK, call, data, headers, message, OPENING, rstStream, settings, told } from '../http2/frames.ts';
import { policy } from '../parts.ts';

const PREFACE = 24;
const OK = [[':status', '200'], ['content-type', 'application/grpc']] as const;
const DONE = [['grpc-status', '0']] as const;
const path = call('/p.S/M');
const FAILED = 'HEADERS grpc-status=13 grpc-message=no end';

/** A connection on which both sides have said their settings. */
function opened(...policies: readonly Partial<WirePolicy>[]): FakeLink {
  const link = new FakeLink('grpc', (same) => new GrpcSession(same), policies.map((one) => policy({ protocol: 'grpc', ...one })));
  return link.client(OPENING).upstream(Buffer.concat([settings(), ACK])).client(ACK);
}
const failing = (over: Partial<WirePolicy>): Partial<WirePolicy> => ({ errorChance: 1, errorCode: 13, errorBody: 'no', ...over });
const waiting = (over: Partial<WirePolicy>): Partial<WirePolicy> => ({ latencyChance: 1, latencyMs: 600_000, ...over });
const toServer = (link: FakeLink): string[] => told(link.upstreamGot, { opening: PREFACE }).slice(2);
const toClient = (link: FakeLink): string[] => told(link.clientGot).slice(2);
/** How many octets a side was given back for the whole connection. */
const credit = (said: readonly string[]): number => said.reduce((sum, text) => sum + Number(/^0 WINDOW (\d+)/.exec(text)?.[1] ?? 0), 0);

describe('a gRPC session', () => {
  for (const latencyChance of [0, 1]) {
    it(`passes the messages before one that fails its call, and gives all others back${latencyChance === 1 ? ', after a wait' : ''}`, () => {
      const wait = waiting({ scope: 'message:to-client', latencyChance, everyNth: 100, nth: 1 });
      const link = opened(failing({ scope: 'message:to-client', everyNth: 3 }), wait);
      link.client(headers(1, path, { end: true }));
      link.upstream(Buffer.concat([headers(1, OK), data(1, Buffer.concat([message(1), message(2), message(3), message(4)])), data(1, message(5))]));
      link.holds.releaseAll();
      link.upstream(data(1, message(6)));
      const said = toClient(link);
      const passed = said.filter((text) => text.startsWith('1 DATA')).reduce((sum, text) => sum + Number(text.split(' ')[2]), 0);
      assert.equal(passed, 5 + 1 + 5 + 2);
      assert.equal(said.at(-1), `1 ${FAILED}`);
      // The client never sees these, so it cannot give them back to the server.
      assert.equal(credit(toServer(link)), 5 + 3 + 5 + 4 + 5 + 5 + 5 + 6);
    });
    it(`passes the messages before one that fails its call on the way to the server${latencyChance === 1 ? ', after a wait' : ''}`, () => {
      const wait = waiting({ scope: 'message:to-server', latencyChance, everyNth: 100, nth: 1 });
      const link = opened(failing({ scope: 'message:to-server', everyNth: 2 }), wait);
      link.client(headers(1, path)).client(data(1, Buffer.concat([message(1), message(2), message(3)])));
      link.holds.releaseAll();
      link.client(data(1, message(4), { end: true }));
      assert.deepEqual(toServer(link), ['1 HEADERS :method=POST :path=/p.S/M content-type=application/grpc te=trailers', '1 DATA 6', '1 RST 8']);
      assert.equal(credit(toClient(link)), 5 + 2 + 5 + 3 + 5 + 4);
    });
  }

  it('gives the padding of a failed call back once', () => {
    const link = opened(failing({ scope: 'message:to-server' }));
    link.client(headers(1, path));
    const frame = data(1, message(1), { padding: 200 });
    link.client(frame.subarray(0, 20)).client(frame.subarray(20));
    assert.equal(credit(toClient(link)), frame.length - 9);
    const together = opened(failing({ scope: 'message:to-server' }), waiting({ scope: '' }));
    together.client(headers(1, path)).client(Buffer.concat([data(1, message(1), { padding: 9 }), data(1, message(1), { padding: 200 })]));
    together.holds.releaseAll();
    assert.equal(credit(toClient(together)), 16 + 207);
  });

  it('sends what the client says behind a message only behind it', () => {
    const link = opened(waiting({ scope: 'message:to-server' }));
    link.client(headers(1, path)).client(data(1, message(1))).client(headers(1, [['x-t', '1']], { end: true }));
    assert.deepEqual(toServer(link).slice(1), ['1 DATA 6', '1 HEADERS x-t=1 end']);
    link.client(headers(3, path)).client(data(3, message(1)));
    link.holds.releaseAll();
    assert.deepEqual(toServer(link).slice(4), ['3 DATA 6']);
  });

  it('lets the server go on when a call goes of which too much waited', () => {
    const link = opened(waiting({ scope: 'message:to-client' }));
    link.client(headers(1, path, { end: true })).upstream(headers(1, OK));
    for (let i = 0; i < 300; i++) link.upstream(data(1, message(16_000)));
    assert.equal(link.session.upstreamFull, true);
    let asked = 0;
    link.drained = () => void asked++;
    link.client(rstStream(1, 8));
    assert.equal(link.session.upstreamFull, false);
    assert.ok(asked > 0, 'the link would never ask again');
  });

  it('forgets answers that come long after their call has failed', () => {
    const link = opened(failing({}), { target: '/p.S/Slow', latencyChance: 1, latencyMs: 600_000 });
    link.route.effects.install([{ policy: policy({ protocol: 'grpc', ...waiting({ target: '/p.S/Slow' }) }), slot: 0 }]);
    link.client(headers(1, call('/p.S/Slow'))).client(headers(3, path, { end: true })).client(rstStream(3, 8));
    for (let stream = 5; stream < 2_100; stream += 2) link.client(headers(stream, path, { end: true })).client(rstStream(stream, 8));
    link.clear();
    link.upstream(headers(1, [...OK, ...DONE], { end: true, indexed: true })).upstream(headers(2_097, [...OK, ...DONE], { end: true }));
    assert.equal(link.closing, false);
    link.session.closed();
  });
});
