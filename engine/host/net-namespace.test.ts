import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownNamespace, runIn } from './net-namespace.ts';
import { ask } from './spawn.ts';

const skip = process.platform !== 'linux' && 'only Linux has namespaces';

test('what is run in a namespace has little of our environment, and Electron is told to be Node there too', { skip }, async () => {
  const seen = async (): Promise<readonly string[]> => (await runIn(ownNamespace(), 'env', [])).split('\n').map((line) => line.replace(/=.*$/, '')).filter((name) => name !== '').sort();
  assert.deepEqual(await seen(), ['LC_ALL', 'PATH']);
  Object.defineProperty(process.versions, 'electron', { value: '1', configurable: true });
  try {
    assert.deepEqual(await seen(), ['ELECTRON_RUN_AS_NODE', 'LC_ALL', 'PATH']);
  } finally {
    Reflect.deleteProperty(process.versions, 'electron');
  }
});

test('what a program printed is not taken for nothing when its time was up while this process stood still', { skip }, async () => {
  const asked = [runIn(ownNamespace(), 'echo', ['words'], '', 100), ask('echo', ['words'], { within: 100 })];
  const settled = Promise.allSettled(asked);
  for (const end = performance.now() + 1_000; performance.now() < end; );
  for (const one of await settled) {
    if (one.status === 'fulfilled') assert.equal(one.value, 'words\n');
    else assert.match(String(one.reason), /echo words: .* stood still/);
  }
});
