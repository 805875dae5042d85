import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import type { OpenRoute } from '../open-route.ts';
import { sqlSession } from './session.ts';

const GREETER: Partial<OpenRoute> = { tlsInside: true, greeter: { greet: () => {} } };
const UPSTREAM: Partial<OpenRoute> = { tlsInside: true, upstreamTls: {} };
const BOTH = { ...GREETER, ...UPSTREAM };
const request = (code: number): Buffer => Buffer.from([0, 0, 0, 8, 4, 210, 22, code]);
const [SSL, GSS] = [request(47), request(48)];
const STARTUP = Buffer.concat([Buffer.from([0, 0, 0, 19, 0, 3, 0, 0]), Buffer.from('user\0app\0\0')]);
STARTUP.writeInt32BE(STARTUP.length, 0);
const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.from([type.charCodeAt(0), 0, 0, 0, 0]);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const offer = (...mechanisms: readonly string[]): Buffer => message('R', Buffer.concat([Buffer.from([0, 0, 0, 10]), Buffer.from(`${mechanisms.join('\0')}\0\0`)]));
const choice = (mechanism: string, words: string): Buffer =>
  message('p', Buffer.concat([Buffer.from(`${mechanism}\0`), Buffer.from([0, 0, 0, words.length]), Buffer.from(words)]));
/** The pieces of each end one after the other, each in parts of `size` bytes. */
function talk(link: FakeLink, size: number, turns: readonly (readonly ['client' | 'upstream', Buffer])[]): FakeLink {
  for (const [who, bytes] of turns) for (let at = 0; at < bytes.length; at += size) link[who](bytes.subarray(at, at + size));
  return link;
}
const link = (over: Partial<OpenRoute>): FakeLink => new FakeLink('sql', sqlSession, [], over);

describe('how TLS begins in PostgreSQL', () => {
  for (const size of [1, 3, 100]) {
    it(`in pieces of ${size}: the request is answered, GSS declined, and the startup behind the handshake goes up as it is`, () => {
      const done = talk(link(GREETER), size, [['client', GSS], ['client', SSL], ['client', Buffer.from('h')], ['client', STARTUP]]);
      assert.equal(done.clientGot.toString(), 'NS');
      assert.deepEqual(done.secured, ['client 1']);
      assert.deepEqual(done.upstreamGot, STARTUP);
      assert.deepEqual(done.toldNotUnderstood, []);
    });

    it(`in pieces of ${size}: the upstream is asked first, and its offer loses what is bound to a connection`, () => {
      const plain = Buffer.from('NOTICE');
      const turns = [['client', STARTUP], ['upstream', Buffer.from('S')], ['upstream', Buffer.concat([message('N', plain), offer('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256')])]] as const;
      const done = talk(link(UPSTREAM), size, turns);
      assert.deepEqual(done.secured, ['upstream']);
      assert.deepEqual(done.upstreamGot, Buffer.concat([SSL, STARTUP]));
      assert.deepEqual(done.clientGot, Buffer.concat([message('N', plain), offer('SCRAM-SHA-256')]));
    });
  }

  it('an offer that is nothing but bound, and every other answer, pass as they are', () => {
    for (const answer of [offer('SCRAM-SHA-256-PLUS'), offer('SCRAM-SHA-256'), message('R', Buffer.from([0, 0, 0, 0])), message('E', Buffer.from('SFATAL\0\0')), Buffer.from('what is this?')]) {
      const done = talk(link(UPSTREAM), 100, [['client', STARTUP], ['upstream', Buffer.from('S')], ['upstream', answer]]);
      assert.deepEqual(done.clientGot, answer);
    }
  });

  it('a client that could have bound itself is told; one that could not goes on', () => {
    const turns = (words: string) => [['client', SSL], ['client', Buffer.from('h')], ['client', STARTUP], ['upstream', Buffer.from('S')], ['upstream', offer('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256')], ['client', choice('SCRAM-SHA-256', words)]] as const;
    const told = talk(link(BOTH), 100, turns('y,,n=,r=abc'));
    assert.match(told.clientGot.toString(), /FATAL.*28000.*channel_binding=disable/);
    assert.equal(told.closing, true);
    const passed = talk(link(BOTH), 100, turns('n,,n=,r=abc'));
    assert.deepEqual(passed.upstreamGot, Buffer.concat([SSL, STARTUP, choice('SCRAM-SHA-256', 'n,,n=,r=abc')]));
  });

  it('a client that ends while the upstream is asked is heard once that has answered', () => {
    const done = link(UPSTREAM).client(STARTUP);
    done.session.clientEnded();
    assert.equal(done.upstreamOver, false);
    done.upstream(Buffer.from('S'));
    assert.equal(done.upstreamOver, true);
  });

  it('an upstream that ends in the middle of its first words is heard as far as it came', () => {
    const done = talk(link(UPSTREAM), 100, [['client', STARTUP], ['upstream', Buffer.from('S')], ['upstream', Buffer.from('E\0\0')]]);
    assert.equal(done.clientGot.length, 0);
    done.session.upstreamEnded();
    assert.deepEqual([done.clientGot.toString(), done.clientOver], ['E\0\0', true]);
  });

  it('nothing that either end may say throws', () => {
    const turns = [['client', Buffer.concat([SSL])], ['client', Buffer.from('h')], ['client', STARTUP], ['upstream', Buffer.from('S')], ['upstream', offer('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256')], ['client', choice('SCRAM-SHA-256', 'n,,')]] as const;
    turns.forEach(([who, bytes], turn) => {
      for (let at = 0; at < bytes.length; at++) {
        for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
          const spoilt = Buffer.from(bytes);
          spoilt[at] = value;
          talk(link(BOTH), 100, turns.map((one, i) => (i === turn ? [who, spoilt] : one)));
        }
      }
    });
  });
});
