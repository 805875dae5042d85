import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize, Double, serialize } from 'bson';
import { encode } from './write.ts';

test('what is written here is what the bson package writes', () => {
  const fields = {
    n: 0, nModified: 7, code: 999_999, errmsg: 'grüße "x"', codeName: '', writeErrors: [{ index: 0, code: 11_000, errmsg: 'a' }, { index: 1 }],
    errorLabels: ['RetryableWriteError', 'Mine'], none: [], writeConcernError: { code: 64, deep: { deeper: 'x' } },
  };
  assert.ok(encode(fields).equals(serialize(fields)));
  assert.ok(encode({ ...fields, ok: 1 }).equals(serialize({ ...fields, ok: new Double(1) })));
  assert.deepEqual(deserialize(encode({})), {});
});
