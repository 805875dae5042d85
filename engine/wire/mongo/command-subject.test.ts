import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Document, Long } from 'bson';
import { HEADER, message } from '../../../test/wire/mongo/messages.ts';
import { Command } from './command.ts';
import { CommandSubject } from './command-subject.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;

function read(document: Document): { command: Command; subject: CommandSubject } {
  const bytes = message(document);
  const command = new Command();
  assert.ok(command.read(bytes, HEADER, bytes.length));
  return { command, subject: new CommandSubject(command) };
}
const nameOf = (document: Document): string => {
  const { command } = read(document);
  return command.name.toString('utf8', 0, command.nameEnd);
};

describe('the name of a command', () => {
  it('is what it does and what it does it to', () => {
    for (const [document, name] of [
      [{ find: 'orders', $db: 'shop' }, 'find shop.orders'],
      [{ insert: 'orders.2024', documents: [{ find: 'x', $db: 'y' }], $db: 'shop' }, 'insert shop.orders.2024'],
      [{ getMore: Long.fromNumber(5), collection: 'orders', $db: 'shop' }, 'getMore shop.orders'],
      [{ aggregate: 1, collection: 'x', $db: 'shop' }, 'aggregate shop'],
      [{ listCollections: 1, $db: 'shop' }, 'listCollections shop'],
      [{ explain: { find: 'orders', filter: {} }, $db: 'shop' }, 'explain shop.orders'],
      [{ drop: 'orders' }, 'drop .orders'],
      [{ bulkWrite: 1, ops: [], nsInfo: [{ ns: 'shop.orders' }], $db: 'admin' }, 'bulkWrite admin'],
    ] as const) {
      assert.equal(nameOf(document), name);
    }
  });
  it('of any length stays within its buffer', () => {
    for (const length of [1_000, 1_021, 1_022, 1_023, 5_000]) {
      for (const document of [{ [`f${'i'.repeat(length)}`]: 'orders', $db: 'shop' }, { find: 'o'.repeat(length), $db: 's'.repeat(length) }]) {
        assert.ok(nameOf(document).length <= 1_024);
      }
    }
  });
  it('tells what is left alone', () => {
    for (const name of ['hello', 'isMaster', 'ismaster', 'ping', 'saslStart', 'saslContinue', 'authenticate']) assert.equal(read({ [name]: 1 }).command.untouched, true, name);
    for (const name of ['find', 'hellos', 'pin']) assert.equal(read({ [name]: 1 }).command.untouched, false, name);
  });
});

describe('a command for people', () => {
  it('shows its shape, not its values', () => {
    const { subject } = read({
      find: 'orders', filter: { card: '4111-1111', $or: [{ total: { $gt: 5 } }, { total: { $gt: 7 } }, { paid: true }] }, limit: 3, lsid: { id: 1 }, $clusterTime: { a: 1 }, $db: 'shop',
    });
    assert.deepEqual(subject.describe(), {
      method: 'find', target: 'shop.orders', traceId: '', requestId: '',
      head: '{ find: "orders", filter: { card: ?, $or: [{ total: { $gt: ? } }, { paid: ? }] }, limit: ?, $db: "shop" }',
    });
  });
  it('shows nothing of authentication', () => {
    for (const command of ['saslStart', 'saslContinue', 'authenticate', 'createUser', 'updateUser']) {
      assert.equal(read({ [command]: 'secret-user', mechanism: 'PLAIN', payload: 'secret', $db: 'admin' }).subject.describe().head, command);
      assert.doesNotMatch(JSON.stringify(read({ [command]: 1, payload: 'secret', $db: 'admin' }).subject.describe()), /secret/);
    }
  });
  it('is bounded, however large or deep', () => {
    let deep: Document = { a: 1 };
    for (let i = 0; i < 500; i++) deep = { a: deep };
    const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`key${i}`, i]));
    assert.ok(read({ find: 'x'.repeat(5_000), deep, wide, $db: 'shop' }).subject.describe().head.length <= 1_024);
  });
  it('has the trace of its comment, in any of its forms', () => {
    for (const comment of [{ traceparent: TRACEPARENT }, TRACEPARENT, `/*app='x',traceparent='${TRACEPARENT}'*/`]) {
      assert.equal(read({ find: 'orders', comment, $db: 'shop' }).subject.describe().traceId, TRACE);
    }
    const { subject } = read({ find: 'orders', comment: { baggage: 'a=b%20c' }, $db: 'shop', txnNumber: 1, autocommit: false });
    assert.deepEqual(subject.facts(), {
      mongo: { command: 'find', database: 'shop', collection: 'orders', transaction: true }, baggage: { a: 'b c' }, trace: { id: '', parent: '' },
    });
    for (const comment of ['plain', 5, [1], { traceparent: 7 }, `traceparent='%'`]) {
      assert.equal(read({ find: 'orders', comment, $db: 'shop' }).subject.describe().traceId, '');
    }
  });
});
