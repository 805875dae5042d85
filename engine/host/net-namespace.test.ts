import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownNamespace, runIn } from './net-namespace.ts';

test('what is run in a namespace has little of our environment, and Electron is told to be Node there too', { skip: process.platform !== 'linux' && 'only Linux has namespaces' }, async () => {
  const seen = async (): Promise<readonly string[]> => (await runIn(ownNamespace(), 'env', [])).split('\n').map((line) => line.replace(/=.*$/, '')).filter((name) => name !== '').sort();
  assert.deepEqual(await seen(), ['LC_ALL', 'PATH']);
  Object.defineProperty(process.versions, 'electron', { value: '1', configurable: true });
  try {
    assert.deepEqual(await seen(), ['ELECTRON_RUN_AS_NODE', 'LC_ALL', 'PATH']);
  } finally {
    Reflect.deleteProperty(process.versions, 'electron');
  }
});
