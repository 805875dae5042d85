import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { command, seeds } from '../../../test/fuzz/redis.ts';
import { FakeLink } from '../../../test/wire/fake-link.ts';
import { policy } from '../../../test/wire/parts.ts';
import type { WirePolicy } from '../../policy/snapshot.ts';
import { RedisSession } from './redis-session.ts';

const linkTo = (...policies: readonly Partial<WirePolicy>[]): FakeLink =>
  new FakeLink(
    'redis',
    (link) => new RedisSession(link),
    policies.map((one) => policy({ protocol: 'redis', ...one })),
  );
const failing = (target: string, over: Partial<WirePolicy> = {}): Partial<WirePolicy> => ({
  target,
  errorChance: 1,
  errorBody: 'OOM no',
  ...over,
});
const says = (link: FakeLink, text: string): FakeLink => link.client(Buffer.from(text, 'latin1'));
const answers = (link: FakeLink, text: string): FakeLink => link.upstream(Buffer.from(text, 'latin1'));
const got = (link: FakeLink): string => link.clientGot.toString('latin1');
const sent = (link: FakeLink): string => link.upstreamGot.toString('latin1');
const ABORTED = '-EXECABORT Transaction discarded because of previous errors.\r\n';

describe('conversations without a policy', () => {
  for (const [number, turns] of seeds().entries()) {
    for (const size of [1, 3, 7, 100_000]) {
      it(`conversation ${number} passes in pieces of ${size}, and its answers are counted`, () => {
        const link = linkTo();
        for (const { from, bytes } of turns) {
          for (let at = 0; at < bytes.length; at += size) link[from](bytes.subarray(at, at + size));
        }
        const told = (who: string): string =>
          turns
            .filter(({ from }) => from === who)
            .map(({ bytes }) => bytes.toString('latin1'))
            .join('');
        assert.equal(got(link), told('upstream'));
        assert.equal(sent(link), told('client'));
        assert.deepEqual(link.toldNotUnderstood, []);
        // Every command is answered: one that is refused now need not wait.
        link.clear();
        link.route.effects.install([{ policy: policy({ protocol: 'redis', ...failing('lpush*') }), slot: 0 }]);
        says(link, command('LPUSH', 'a', 'b'));
        assert.equal(got(link), '-OOM no\r\n');
      });
    }
  }
});

describe('a refusal', () => {
  it('waits for the answers before it, and keeps those behind it waiting', () => {
    const link = linkTo(failing('get*'));
    says(link, command('SET', 'a', '1') + command('GET', 'a') + command('INCR', 'n'));
    assert.deepEqual([sent(link), got(link)], [command('SET', 'a', '1'), '']);
    answers(link, '+O');
    assert.equal(got(link), '+O');
    answers(link, 'K\r\n');
    assert.equal(got(link), '+OK\r\n-OOM no\r\n');
    assert.equal(sent(link), command('SET', 'a', '1') + command('INCR', 'n'));
  });
  it('does not cut a push in two', () => {
    const link = linkTo(failing('get*'));
    answers(says(link, command('HELLO', '3')), '%1\r\n$5\r\nproto\r\n:3\r\n>2\r\n$10\r\ninvali');
    link.clear();
    says(link, command('GET', 'a'));
    assert.equal(got(link), '');
    answers(link, 'date\r\n*1\r\n$1\r\na\r\n');
    assert.equal(got(link), 'date\r\n*1\r\n$1\r\na\r\n-OOM no\r\n');
  });
  it('does not take an answer of RESP3 for a message because it begins like one', () => {
    const link = linkTo(failing('get*'));
    answers(says(link, command('HELLO', '3') + command('SUBSCRIBE', 'c')), '%1\r\n$5\r\nproto\r\n:3\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n');
    answers(says(link, command('LRANGE', 'l', '0', '-1')), '*2\r\n$7\r\nmessage\r\n$1\r\nc\r\n');
    link.clear();
    assert.equal(got(says(link, command('GET', 'a'))), '-OOM no\r\n');
  });
  it('drops the value of what it refuses, however it comes', () => {
    for (const size of [1, 5, 4_000]) {
      const link = linkTo(failing('set*'));
      const bytes = Buffer.from(command('SET', 'a', 'v'.repeat(2_000)) + command('GET', 'a'));
      for (let at = 0; at < bytes.length; at += size) link.client(bytes.subarray(at, at + size));
      assert.deepEqual([sent(link), got(link)], [command('GET', 'a'), '-OOM no\r\n']);
    }
  });
  it('passes a large value on before it is complete', () => {
    const link = linkTo(failing('get*'));
    says(link, `*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n${'v'.repeat(500)}`);
    assert.equal(link.upstreamGot.length, 530);
    assert.equal(link.session.full, false);
  });
  it('is not carried out when its policy has gone before its turn', () => {
    const link = linkTo(failing('get*'));
    says(link, command('SET', 'a', '1') + command('GET', 'a'));
    link.route.effects.install([]);
    answers(link, '+OK\r\n');
    assert.deepEqual([sent(link), got(link)], [command('SET', 'a', '1') + command('GET', 'a'), '+OK\r\n']);
  });
  it('is a line with a code, whatever the text', () => {
    for (const [body, line] of [
      ['', 'ERR this error was injected by Firebreak'],
      ['no\r\n+OK', 'ERR no +OK'],
      ['-LOADING wait', 'LOADING wait'],
      ['READONLY', 'READONLY'],
    ]) {
      const link = linkTo(failing('get*', { errorBody: body ?? '' }));
      assert.equal(got(says(link, command('GET', 'a'))), `-${line}\r\n`);
    }
  });
  it('is not said to a client that wants no answers', () => {
    const link = linkTo(failing('set*'));
    says(link, command('CLIENT', 'REPLY', 'OFF') + command('SET', 'a', '1') + command('GET', 'a') + command('CLIENT', 'REPLY', 'ON'));
    answers(link, '+OK\r\n');
    assert.equal(got(link), '+OK\r\n');
    link.clear();
    // The server's silence must not fall on the command behind the refused one.
    says(link, command('CLIENT', 'REPLY', 'SKIP') + command('SET', 'a', '1') + command('GET', 'a'));
    assert.equal(sent(link), command('CLIENT', 'REPLY', 'SKIP') + command('PING') + command('GET', 'a'));
    answers(link, '$1\r\n1\r\n');
    says(link, command('SET', 'a', '1'));
    assert.equal(got(link), '$1\r\n1\r\n-OOM no\r\n');
  });
  it('reaches a subscriber of RESP2 between two messages', () => {
    const link = linkTo(failing('get*'));
    answers(
      says(link, command('SUBSCRIBE', 'a')),
      '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n',
    );
    link.clear();
    says(link, command('GET', 'a'));
    assert.equal(got(link), '-OOM no\r\n');
  });
  it('is none where nobody can tell answers from messages: silence and subscriptions', () => {
    const [silence, subscription] = [command('CLIENT', 'REPLY', 'OFF'), command('SUBSCRIBE', 'a')];
    for (const [text, why] of [
      [silence + subscription, 'a subscription in silence'],
      [subscription + silence, 'CLIENT REPLY beside a subscription'],
    ]) {
      const link = linkTo(failing('get*'));
      says(link, text + command('GET', 'a'));
      assert.match(sent(link), /GET/);
      assert.deepEqual(link.toldNotUnderstood, [why]);
    }
  });
  it('takes an array of strings for the answer it is, as long as nothing is subscribed to', () => {
    const link = linkTo(failing('get*'));
    says(link, command('LRANGE', 'l', '0', '-1') + command('GET', 'a'));
    answers(link, '*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n');
    assert.match(got(link), /-OOM no\r\n$/);
  });
  it('is not made up without end for a client that does not read', () => {
    const link = linkTo(failing('get*'));
    link.clientBackedUp = true;
    assert.equal(link.session.full, false);
    says(link, command('GET', 'a'));
    assert.equal(link.session.full, true);
    says(link, command('SET', 'a', '1'));
    assert.equal(link.session.full, false, 'what passes is for the server to hold back');
  });
  it('may be a drop, which lets the answers before it arrive', () => {
    const link = linkTo({ target: 'get*', dropConnection: true });
    says(link, command('SET', 'a', '1') + command('GET', 'a'));
    assert.equal(link.wasReset, false);
    answers(link, '+OK\r\n');
    assert.deepEqual([got(link), link.wasReset, sent(link)], ['+OK\r\n', true, command('SET', 'a', '1')]);
  });
});

describe('a transaction', () => {
  it('with a refused command in it is discarded, and EXEC says so', () => {
    const link = linkTo(failing('set*'));
    answers(says(link, command('MULTI') + command('SET', 'a', '1')), '+OK\r\n');
    says(link, command('INCR', 'n') + command('EXEC') + command('GET', 'a'));
    answers(link, '+QUEUED\r\n+O');
    assert.equal(got(link), '+OK\r\n-OOM no\r\n+QUEUED\r\n', 'the answer to DISCARD is not shown');
    answers(link, 'K\r\n$1\r\n7\r\n');
    assert.equal(got(link), `+OK\r\n-OOM no\r\n+QUEUED\r\n${ABORTED}$1\r\n7\r\n`);
    assert.equal(sent(link), command('MULTI') + command('INCR', 'n') + command('DISCARD') + command('GET', 'a'));
  });
  it('is discarded even after its policy has gone', () => {
    const link = linkTo(failing('set*'));
    answers(says(link, command('MULTI')), '+OK\r\n');
    says(link, command('SET', 'a', '1'));
    link.route.effects.install([]);
    answers(says(link, command('EXEC')), '+OK\r\n');
    assert.equal(got(link), `+OK\r\n-OOM no\r\n${ABORTED}`);
  });
  it('is forgotten with DISCARD and RESET', () => {
    for (const end of ['DISCARD', 'RESET']) {
      const link = linkTo(failing('set*'));
      answers(says(link, command('MULTI')), '+OK\r\n');
      answers(says(link, command('SET', 'a', '1') + command(end) + command('MULTI') + command('EXEC')), '+OK\r\n+OK\r\n*0\r\n');
      assert.match(got(link), /\+OK\r\n\*0\r\n$/);
      assert.doesNotMatch(got(link), /EXECABORT/);
    }
  });
  it('of which EXEC is refused says why, and is discarded', () => {
    const link = linkTo(failing('exec*'));
    says(link, command('MULTI') + command('SET', 'a', '1') + command('EXEC'));
    assert.equal(sent(link), command('MULTI') + command('SET', 'a', '1') + command('DISCARD'));
    answers(link, '+OK\r\n+QUEUED\r\n+OK\r\n');
    assert.equal(got(link), '+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: OOM no\r\n');
    says(link, command('EXEC'));
    assert.match(got(link), /-OOM no\r\n$/, 'outside of a transaction it is an error like any other');
  });
  it('of which MULTI is refused fails at EXEC: what is sent behind it must not take place by itself', () => {
    const link = linkTo(failing('multi*'));
    says(link, command('MULTI') + command('SET', 'a', '1') + command('EXEC'));
    answers(link, '+OK\r\n+QUEUED\r\n+OK\r\n');
    assert.equal(got(link), '+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: OOM no\r\n');
    link.clear();
    says(link, command('MULTI') + command('SET', 'a', '1'));
    link.route.effects.install([]);
    answers(says(link, command('EXEC')), '+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n');
    assert.equal(got(link), '+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n', 'without the policy it takes place');
  });
  it('that the server refused to open dooms none after it', () => {
    const link = linkTo(failing('multi*', { everyNth: 2, nth: 1 }));
    answers(says(link, command('MULTI')), '-LOADING wait\r\n');
    answers(says(link, command('MULTI') + command('SET', 'a', '1') + command('EXEC')), '+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n');
    assert.match(got(link), /\*1\r\n\+OK\r\n$/);
    const wrong = linkTo(failing('multi*', { everyNth: 2, nth: 1 }));
    answers(says(wrong, command('MULTI', 'x') + command('MULTI') + command('EXEC')), '-ERR wrong number\r\n+OK\r\n*0\r\n');
    assert.match(got(wrong), /\*0\r\n$/);
  });
  it('that the server never opened leaves reads to miss again', () => {
    const link = linkTo(failing('get*', { scope: 'read', extra: { miss: true } }));
    answers(says(link, command('MULTI')), '-LOADING wait\r\n');
    assert.match(got(says(link, command('GET', 'a'))), /\$-1\r\n$/);
  });
});

describe('bytes that are no Redis', () => {
  const strange: readonly [string, string, RegExp][] = [
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /TLS/],
    ['a bad length', '*1\r\n$x\r\n', /no RESP/],
    ['a bad count', '*1a\r\n', /no RESP/],
    ['a missing dollar', '*2\r\n$3\r\nGET\r\n:1\r\n', /no RESP/],
    ['a bad argument behind the key', '*3\r\n$3\r\nSET\r\n$1\r\na\r\n!1\r\n', /no RESP/],
    ['a line without an end', 'x'.repeat(70_000), /no RESP/],
    ['a length of many digits', '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$99999999999999999\r\n', /no RESP/],
    ['a replica', command('PSYNC', '?', '-1'), /replica/],
  ];
  for (const [name, text, why] of strange) {
    it(`${name}: is told once and passes, then and later`, () => {
      for (const size of [1, 1_000_000]) {
        const link = linkTo(failing('lpush*'));
        const bytes = Buffer.from(`${text}GET a\r\n`, 'latin1');
        for (let at = 0; at < bytes.length; at += size) link.client(bytes.subarray(at, at + size));
        assert.equal(sent(link), bytes.toString('latin1'));
        answers(link, '\x00\x01 anything');
        assert.equal(got(link), '\x00\x01 anything');
        assert.equal(link.toldNotUnderstood.length, 1);
        assert.match(link.toldNotUnderstood[0] ?? '', why);
      }
    });
  }
  it('within a command that is refused: what comes behind it cannot be trusted', () => {
    const link = says(linkTo(failing('set*')), '*3\r\n$3\r\nSET\r\n$1\r\na\r\n!1\r\nGET a\r\n');
    assert.deepEqual([got(link), sent(link), link.closing], ['-OOM no\r\n', '', true]);
  });
  it('from the server: what waits for its turn goes on', () => {
    const link = linkTo(failing('get*'));
    says(link, command('SET', 'a', '1') + command('GET', 'a'));
    answers(link, 'HTTP/1.1 400 Bad Request\r\n');
    assert.equal(sent(link), command('SET', 'a', '1') + command('GET', 'a'));
    assert.match(link.toldNotUnderstood[0] ?? '', /server/);
  });
  it('is an empty line or an empty array, which servers do not answer', () => {
    const link = linkTo(failing('get*'));
    says(link, '\r\n*0\r\n*-1\r\n   \r\nGET a\r\n');
    assert.deepEqual([got(link), sent(link)], ['-OOM no\r\n', '\r\n*0\r\n*-1\r\n   \r\n']);
  });
});
