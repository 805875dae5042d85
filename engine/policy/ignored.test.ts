import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoredPrefixes, isIgnored } from './ignored.ts';

const file = (enableDefaultIgnored: boolean, ignoredCommands = {}) => ({ enableDefaultIgnored, ignoredCommands });

test('the built-in lists are those of the format', () => {
  assert.deepEqual(ignoredPrefixes(file(true), 'sql'), ['CREATE', 'ALTER', 'DROP', 'TRUNCATE']);
  assert.deepEqual(ignoredPrefixes(file(true), 'mongo'), ['create', 'createIndexes', 'drop', 'collMod']);
  assert.deepEqual(ignoredPrefixes(file(true), 'redis'), ['PING', 'INFO', 'CONFIG']);
  assert.deepEqual(ignoredPrefixes(file(true), 'grpc'), ['grpc.health.v1.Health']);
  assert.deepEqual(ignoredPrefixes(file(true), 'kafka'), ['__consumer_offsets', '_schemas', '__transaction_state']);
  assert.deepEqual(ignoredPrefixes(file(true), 'rabbitmq'), ['amq.', 'reply_']);
  assert.deepEqual(ignoredPrefixes(file(true), 'http'), []);
});

test("a file's own prefixes are added, each once, and stay when the built-in ones are off", () => {
  const own = { redis: ['AUTH', 'PING'], http: ['/health'] };
  assert.deepEqual(ignoredPrefixes(file(true, own), 'redis'), ['PING', 'INFO', 'CONFIG', 'AUTH']);
  assert.deepEqual(ignoredPrefixes(file(false, own), 'redis'), ['AUTH', 'PING']);
  assert.deepEqual(ignoredPrefixes(file(false), 'sql'), []);
  assert.deepEqual(ignoredPrefixes(file(true, own), 'http'), ['/health']);
});

test('a prefix protects whatever begins with it; case, brackets and slashes in front do not count', () => {
  const sql = ['SELECT 1', 'CREATE'];
  for (const statement of ['create table t (a int)', '  (SELECT 1);', 'CREATE INDEX i'])
    assert.ok(isIgnored(sql, statement), statement);
  for (const statement of ['SELECT 2', 'INSERT INTO created', '']) assert.ok(!isIgnored(sql, statement), statement);
  assert.ok(
    isIgnored(['api/ping'], '///api/ping') && isIgnored(['/grpc.health.v1.Health'], '/grpc.health.v1.Health/Check'),
  );
  assert.ok(isIgnored(['amq.'], 'amq.topic') && !isIgnored(['amq.'], 'amqp'));
});

test('a prefix that folds to nothing protects nothing', () => {
  assert.ok(!isIgnored(['/', ' '], '/charge'));
});
