import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import type { OpenRoute } from '../open-route.ts';
import { sqlSession } from '../sql/session.ts';

const GREETER: Partial<OpenRoute> = { tlsInside: true, greeter: { greet: () => {} } };
const UPSTREAM: Partial<OpenRoute> = { tlsInside: true, upstreamTls: {} };
const CLIENT_FLAGS = 0x8200 | 0x1;
const TLS = 0x800;
const packet = (sequence: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, payload]);
};
const greeting = (tls: boolean): Buffer =>
  packet(0, Buffer.concat([Buffer.from([10]), Buffer.from('8.0.1\0'), Buffer.alloc(13, 7), Buffer.from([0x00, tls ? 0xfa : 0xf2, 33, 2, 0, 0, 0, 21]), Buffer.alloc(10), Buffer.from('x'.repeat(13))]));
const fixed = (flags: number): Buffer => {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32LE(flags, 0);
  bytes.writeUInt32LE(0x0100_0000, 4);
  return bytes;
};
const login = (sequence: number, flags: number): Buffer => packet(sequence, Buffer.concat([fixed(flags), Buffer.from('app\0\x14'), Buffer.alloc(20, 9)]));
const request = (sequence: number): Buffer => packet(sequence, fixed(CLIENT_FLAGS | TLS));
const again = (sequence: number): Buffer => packet(sequence, Buffer.from('\xfemysql_native_password\0abc', 'latin1'));
const proof = (sequence: number): Buffer => packet(sequence, Buffer.from('twenty bytes of proof'));
const ok = (sequence: number): Buffer => packet(sequence, Buffer.from([0, 0, 0, 2, 0, 0, 0]));
const query = packet(0, Buffer.from('\x03SELECT 1'));

type Turn = readonly ['client' | 'upstream', Buffer];
function talk(link: FakeLink, size: number, turns: readonly Turn[]): FakeLink {
  for (const [who, bytes] of turns) for (let at = 0; at < bytes.length; at += size) link[who](bytes.subarray(at, at + size));
  return link;
}
const link = (over: Partial<OpenRoute>): FakeLink => new FakeLink('sql', sqlSession, [], over);

describe('how TLS begins in MySQL', () => {
  for (const size of [1, 5, 1_000]) {
    it(`in pieces of ${size}: a client in TLS before a server in the clear counts one more until it is let in`, () => {
      const turns: Turn[] = [
        ['upstream', greeting(false)], ['client', request(1)], ['client', login(2, CLIENT_FLAGS | TLS)], ['upstream', again(2)], ['client', proof(4)],
        ['upstream', ok(4)], ['client', query], ['upstream', ok(1)],
      ];
      const done = talk(link(GREETER), size, turns);
      assert.deepEqual(done.clientGot, Buffer.concat([greeting(true), again(3), ok(5), ok(1)]));
      assert.deepEqual(done.upstreamGot, Buffer.concat([login(1, CLIENT_FLAGS), proof(3), query]));
      assert.deepEqual(done.secured, ['client 0']);
    });

    it(`in pieces of ${size}: a client in the clear before a server in TLS counts one less`, () => {
      const turns: Turn[] = [
        ['upstream', greeting(true)], ['client', login(1, CLIENT_FLAGS)], ['upstream', again(3)], ['client', proof(3)], ['upstream', ok(5)], ['client', query], ['upstream', ok(1)],
      ];
      const done = talk(link(UPSTREAM), size, turns);
      assert.deepEqual(done.clientGot, Buffer.concat([greeting(false), again(2), ok(4), ok(1)]));
      assert.deepEqual(done.upstreamGot, Buffer.concat([request(1), login(2, CLIENT_FLAGS | TLS), proof(4), query]));
      assert.deepEqual(done.secured, ['upstream']);
    });

    it(`in pieces of ${size}: both in TLS count alike, and so do both in the clear`, () => {
      const [up, down]: [Turn[], Turn[]] = [[['upstream', greeting(true)], ['client', request(1)], ['client', login(2, CLIENT_FLAGS | TLS)]], [['upstream', again(3)], ['client', proof(4)], ['upstream', ok(5)]]];
      const done = talk(link({ ...GREETER, ...UPSTREAM }), size, [...up, ...down]);
      assert.deepEqual(done.clientGot, Buffer.concat([greeting(true), again(3), ok(5)]));
      assert.deepEqual(done.upstreamGot, Buffer.concat([request(1), login(2, CLIENT_FLAGS | TLS), proof(4)]));
      const clear = talk(link(GREETER), size, [['upstream', greeting(false)], ['client', login(1, CLIENT_FLAGS)], ['upstream', ok(2)]]);
      assert.deepEqual(clear.upstreamGot, login(1, CLIENT_FLAGS));
      assert.deepEqual(clear.clientGot, Buffer.concat([greeting(true), ok(2)]));
    });
  }

  it('the handshake may come at once behind the wish for it', () => {
    const done = talk(link(GREETER), 1_000, [['upstream', greeting(false)], ['client', Buffer.concat([request(1), Buffer.from('client hello')])]]);
    assert.deepEqual(done.secured, ['client 12']);
  });

  it('a command that does not wait for the login counts from zero, and a refused login is told with its number', () => {
    const done = talk(link(GREETER), 1_000, [['upstream', greeting(false)], ['client', request(1)], ['client', login(2, CLIENT_FLAGS | TLS)], ['client', query]]);
    assert.deepEqual(done.upstreamGot, Buffer.concat([login(1, CLIENT_FLAGS), query]));
    const refusal = (sequence: number): Buffer => packet(sequence, Buffer.from('\xff\x15\x04#28000Access denied', 'latin1'));
    done.clear();
    assert.deepEqual(done.upstream(refusal(2)).clientGot, refusal(3));
  });

  it('an upstream that ends in the middle of its greeting is heard as far as it came', () => {
    const done = talk(link(GREETER), 1_000, [['upstream', greeting(false).subarray(0, 20)]]);
    assert.equal(done.clientGot.length, 0);
    done.session.upstreamEnded();
    assert.deepEqual([done.clientGot, done.clientOver], [greeting(false).subarray(0, 20), true]);
  });

  it('nothing that either end may say throws', () => {
    const turns: Turn[] = [['upstream', greeting(false)], ['client', request(1)], ['client', login(2, CLIENT_FLAGS | TLS)], ['upstream', again(2)], ['client', proof(4)], ['upstream', ok(4)]];
    turns.forEach(([who, bytes], turn) => {
      for (let at = 0; at < bytes.length; at++) {
        for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
          const spoilt = Buffer.from(bytes);
          spoilt[at] = value;
          talk(link(GREETER), 1_000, turns.map((one, i) => (i === turn ? [who, spoilt] as const : one)));
        }
      }
    });
  });
});
