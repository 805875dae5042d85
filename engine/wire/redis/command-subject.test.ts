import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { command } from '../../../test/fuzz/redis.ts';
import { STEP } from '../codec.ts';
import { CommandScanner } from './command-scanner.ts';
import { CommandSubject } from './command-subject.ts';
import { Expectations } from './expectations.ts';

/** The head of the one command in the text, as its subject. */
function subjectOf(text: string): CommandSubject {
  const scanner = new CommandScanner();
  const bytes = Buffer.from(text, 'latin1');
  assert.equal(scanner.step(bytes, 0, bytes.length), STEP.head);
  return new CommandSubject(scanner, new Expectations()).at(bytes);
}
const factsOf = (text: string) => subjectOf(text).facts()['redis'] as Record<string, unknown>;

describe('what a command tells', () => {
  it('is its name, its key and how much more there is, never a value', () => {
    assert.deepEqual(subjectOf(command('set', 'cart:1', 'value', 'EX', '10')).describe(), {
      method: 'SET', target: 'cart:1', traceId: '', requestId: '', head: 'SET cart:1 (3 more arguments, not shown)',
    });
    assert.equal(subjectOf('GET cart:1\r\n').describe().head, 'GET cart:1');
    assert.deepEqual(factsOf(command('set', 'cart:1', 'v')), { command: 'SET', key: 'cart:1', keys: ['cart:1'], args: 2n, db: 0n, resp: 2n, transaction: false });
  });

  const secret: readonly string[] = [
    command('AUTH', 's3cret'), command('AUTH', 'user', 's3cret'), 'auth user s3cret\r\n', command('HELLO', '3', 'AUTH', 'user', 's3cret'),
    command('ACL', 'SETUSER', 'x', '>s3cret'), command('CONFIG', 'SET', 'requirepass', 's3cret'), command('CONFIG', 'SET', 'masterauth', 's3cret'),
    command('MIGRATE', 'host', '1', 'key', '0', '5', 'AUTH2', 'user', 's3cret'), command('SET', 'a', 's3cret'), 'set a "s3cret\r\n', 's3cret=1\r\n',
    command('s3cret value', 'a'), command('EVAL', 'return "s3cret"', '0'), command('PUBLISH', 'news', 's3cret'), command('CLIENT', 'SETNAME', 's3cret'),
  ];
  it('does not show the first argument of a command that nobody knows: it may be AUTH under another name', () => {
    assert.equal(subjectOf(command('LOGIN', 's3cret')).describe().head, 'LOGIN (1 more argument, not shown)');
    assert.equal(subjectOf(command('JSON.GET', 'doc')).describe().head, 'JSON.GET doc');
  });
  for (const text of secret) {
    it(`holds no secret: ${text.split('\r\n')[0]} ${text.split('\r\n')[2] ?? ''}`, () => {
      const subject = subjectOf(text);
      assert.doesNotMatch(JSON.stringify(subject.describe()), /s3cret/i);
      assert.doesNotMatch(JSON.stringify(subject.facts(), (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)), /s3cret/i);
    });
  }

  const keys: readonly [string, string][] = [
    [command('GET', 'k'), 'k'], [command('PING'), ''], [command('OBJECT', 'ENCODING', 'k'), 'k'], [command('XINFO', 'STREAM', 'k'), 'k'],
    [command('BITOP', 'AND', 'dest', 'a'), 'dest'], [command('ZUNION', '2', 'k', 'l'), 'k'], [command('BLMPOP', '0', '1', 'k', 'LEFT'), 'k'],
    [command('EVAL', 'x'.repeat(100), '2', 'k', 'l'), 'k'], [command('EVAL', 'x', '0', 'no'), ''], [command('FCALL', 'f', '1', 'k'), 'k'],
    [command('XREAD', 'COUNT', '2', 'BLOCK', '0', 'STREAMS', 'k', '0'), 'k'], [command('XREADGROUP', 'GROUP', 'g', 'c', 'streams', 'k', '>'), 'k'],
    [command('JSON.GET', 'k', '$'), 'k'], [command('SUBSCRIBE', 'news', 'b'), 'news'], [command('SCAN', '0'), ''], [command('SWAPDB', '0', '1'), ''],
    ['object encoding k\r\n', 'k'], ['get "k k"\r\n', 'k k'], [command('MIGRATE', 'h', '1', 'k', '0', '5'), 'k'], [command('GET', ''), ''],
    // A script longer than what is waited for: judged without its key.
    [command('EVAL', 'x'.repeat(70_000), '1', 'k'), ''],
  ];
  for (const [text, key] of keys) it(`has the key ${JSON.stringify(key)} in ${text.slice(0, 60).replaceAll('\r\n', ' ')}`, () => assert.equal(factsOf(text)['key'], key));

  it('is bounded and printable', () => {
    const { target, head } = subjectOf(command('GET', `\u001b[31m${'k'.repeat(5_000)}`)).describe();
    assert.ok(head.length < 200);
    assert.doesNotMatch(target, /\u001b/);
    assert.match(target, /^·\[31mkkk.*…$/);
  });
});
