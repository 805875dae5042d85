import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { POSTGRES } from './dialect.ts';
import { Statements } from './normalise.ts';
import { textEnd } from './postgres-messages.ts';
import { PreparedStatements } from './prepared.ts';

const NAMES = Buffer.from('S_1\0S_10\0S_2\0\0', 'latin1');
/** From and to, in NAMES. */
const AT = { S_1: [0, 3], S_10: [4, 8], S_2: [9, 12], '': [13, 13] } as const;
type Name = keyof typeof AT;

describe('prepared statements', () => {
  const statements = new Statements(POSTGRES);
  function remember(prepared: PreparedStatements, name: Name, text: string): void {
    const bytes = Buffer.from(text);
    statements.read(bytes, 0, bytes.length, true, false);
    const [from, to] = AT[name];
    prepared.remember(NAMES, from, to, statements);
  }
  const found = (prepared: PreparedStatements, name: Name): string | undefined => {
    const [from, to] = AT[name];
    const statement = prepared.find(NAMES, from, to);
    return statement?.bytes.toString('latin1', 0, statement.size);
  };

  it('are found by their whole name, again and again and in turn', () => {
    const prepared = new PreparedStatements(POSTGRES);
    remember(prepared, 'S_1', 'SELECT a');
    remember(prepared, 'S_10', 'SELECT b');
    remember(prepared, '', 'SELECT c');
    for (const name of ['S_1', 'S_1', 'S_10', 'S_1', '', 'S_10', 'S_10', 'S_2', 'S_2', 'S_1'] as const) {
      const wanted = { S_1: 'SELECT A', S_10: 'SELECT B', '': 'SELECT C', S_2: undefined }[name];
      assert.equal(found(prepared, name), wanted, name);
    }
  });
  it('what was found is another one once its name is given anew, and none once it is closed', () => {
    const prepared = new PreparedStatements(POSTGRES);
    assert.equal(found(prepared, 'S_1'), undefined);
    remember(prepared, 'S_1', 'SELECT a');
    assert.equal(found(prepared, 'S_1'), 'SELECT A');
    remember(prepared, 'S_1', 'SELECT b');
    assert.equal(found(prepared, 'S_1'), 'SELECT B');
    prepared.forget(NAMES, ...AT.S_1);
    assert.equal(found(prepared, 'S_1'), undefined);
  });
});

describe('the end of a text', () => {
  it('is its first zero byte before the limit, near and far', () => {
    for (const length of [0, 1, 62, 63, 64, 65, 200]) {
      const bytes = Buffer.from(`..${'x'.repeat(length)}\0yy\0`, 'latin1');
      assert.equal(textEnd(bytes, 2, bytes.length), 2 + length);
      assert.equal(textEnd(bytes, 2, 2 + length), -1, `${length} bytes, and no more of them here`);
      assert.equal(textEnd(bytes, 2, 3 + length), 2 + length);
    }
  });
});
