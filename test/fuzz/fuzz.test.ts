import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fuzz, type FuzzTarget } from './run.ts';

/** A glimpse in every run of the tests; `npm run fuzz -- NAME` looks for as long as one likes. */
const GLIMPSE = 2_000;
const OTHERS = new Set(['run.ts', 'mutate.ts', 'fuzz.test.ts']);

describe('mutated conversations', { timeout: 600_000 }, () => {
  for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith('.ts') && !OTHERS.has(name))) {
    it(`of ${file.slice(0, -3)} crash nothing, hang nothing, and pass unchanged where nothing acts on them`, async () => {
      const target = (await import(`./${file}`)) as FuzzTarget;
      const { conversations, findings } = await fuzz(target, GLIMPSE, 1);
      assert.deepEqual(findings, []);
      assert.ok(conversations > 0);
    });
  }
});
