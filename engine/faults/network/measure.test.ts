import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownNamespace } from '../../host/net-namespace.ts';
import { connectTimes } from './measure.ts';

test('a measurement that says nothing is none, and ends nothing else', { skip: process.platform !== 'linux' && 'only Linux has namespaces' }, async () => {
  const { execPath } = process;
  for (const program of ['/bin/true', '/bin/false', '/nowhere']) {
    process.execPath = program;
    try {
      assert.deepEqual(await connectTimes({ probe: { host: '127.0.0.1', port: 9 } }, ownNamespace()), [], program);
    } finally {
      process.execPath = execPath;
    }
  }
});
