import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { get, head, ok } from '../../test/wire/corpus.ts';
import { FakeLink } from '../../test/wire/fake-link.ts';
import { policy } from '../../test/wire/parts.ts';
import type { WirePolicy } from '../policy/snapshot.ts';
import { http1 } from './http/http1.ts';
import { InOrderSession } from './in-order.ts';

const linkTo = (...policies: readonly Partial<WirePolicy>[]): FakeLink =>
  new FakeLink('http', (link) => new InOrderSession(link, http1), policies.map(policy));
const failing: Partial<WirePolicy> = { target: '/broken*', errorChance: 1, errorCode: 503, errorBody: 'no' };
const says = (link: FakeLink, text: string): FakeLink => link.client(Buffer.from(text, 'latin1'));
const answers = (link: FakeLink, text: string): FakeLink => link.upstream(Buffer.from(text, 'latin1'));
const got = (link: FakeLink): string => link.clientGot.toString('latin1');
const sent = (link: FakeLink): string => link.upstreamGot.toString('latin1');
const REFUSED = head('HTTP/1.1 503 Service Unavailable', 'Content-Type: text/plain; charset=utf-8', 'Content-Length: 2') + 'no';

describe('a conversation of HTTP/1', () => {
  it('ends behind a refusal to HTTP/1.0, whose client waits for the end unless it is promised to go on', () => {
    const link = says(linkTo(failing), head('GET /broken HTTP/1.0', 'Connection: keep-alive'));
    assert.match(got(link), /^HTTP\/1.1 503 .*\r\nConnection: close\r\n\r\nno$/s);
    assert.equal(link.closing, true);
  });

  for (const coding of ['gzip, chunked', 'gzip ,\tChunked', 'chunked']) {
    it(`finds the end of an answer in ${JSON.stringify(coding)}, so that a refusal behind it gets its turn`, () => {
      const link = says(linkTo(failing), get('/a') + get('/broken') + get('/b'));
      const answer = head('HTTP/1.1 200 OK', `Transfer-Encoding: ${coding}`) + '3\r\nabc\r\n0\r\n\r\n';
      assert.equal(got(answers(link, answer)), answer + REFUSED);
      assert.equal(sent(link), get('/a') + get('/b'));
    });
  }
  it('takes an answer in another coding as one that ends with the connection', () => {
    const link = says(linkTo(failing), get('/a') + get('/broken'));
    answers(link, head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked, gzip') + '0\r\n\r\n');
    link.session.upstreamEnded();
    assert.deepEqual([link.clientOver, got(link).includes('503')], [true, false]);
  });

  it('says when the upstream does not speak HTTP, but not when it was asked to change to something else', () => {
    const link = answers(says(linkTo(failing), get('/a')), 'SSH-2.0-OpenSSH_9.2\r\n');
    assert.equal(link.toldNotUnderstood.length, 1);
    assert.equal(got(says(link, get('/broken'))), 'SSH-2.0-OpenSSH_9.2\r\n');
    assert.equal(sent(link), get('/a') + get('/broken'));
    const upgraded = says(linkTo(failing), get('/a', 'Connection: upgrade', 'Upgrade: websocket'));
    answers(upgraded, `${head('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket')}hello`);
    assert.deepEqual(upgraded.toldNotUnderstood, []);
  });

  it('goes on behind a refused body during which the upstream says what nobody asked for', () => {
    const link = says(linkTo(failing), head('POST /broken HTTP/1.1', 'Content-Length: 10') + '12345');
    const timeout = head('HTTP/1.1 408 Request Timeout', 'Connection: close', 'Content-Length: 0');
    answers(link, timeout);
    says(link, `67890${get('/a')}`);
    assert.deepEqual([got(link), sent(link)], [REFUSED + timeout, get('/a')]);
    assert.deepEqual(link.toldNotUnderstood, []);
    answers(link, ok('a'));
    assert.equal(got(link), REFUSED + timeout + ok('a'));
  });
});
