import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { manifests } from '../../../engine/faults/manifests.ts';
import { ignoredPrefixes } from '../../../engine/policy/ignored.ts';
import { loadText } from '../../../engine/policy/load.ts';

const PAGES = {
  http: { policies: ['down', 'slow', 'cut', 'limit'], ignored: ['/health'] },
  grpc: { policies: ['sold-out', 'slow', 'cut', 'lossy', 'sticky'], ignored: ['grpc.health.v1.Health', 'grpc.reflection'] },
} as const;

for (const [name, { policies, ignored }] of Object.entries(PAGES) as [keyof typeof PAGES, (typeof PAGES)[keyof typeof PAGES]][]) {
  describe(`the page on ${name}`, () => {
    const page = readFileSync(join(import.meta.dirname, `../../../assets/docs/protocols/${name}.md`), 'utf8');
    const yaml = [...page.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? '').join('');
    const more = /`(ignored_commands:[^`]*)`/.exec(page)?.[1]?.replace(/\s+/g, ' ') ?? '';
    it('shows a route and policies that load, and what is protected', () => {
      const loaded = loadText(`version: 1\n${yaml}${more}\n`, 'page.yaml');
      assert.ok(loaded.ok, JSON.stringify(loaded));
      assert.deepEqual(loaded.file.policies.map((policy) => policy.name), policies);
      assert.deepEqual(ignoredPrefixes(loaded.file, name), ignored);
    });
    it('names what conditions can ask, and nothing else', () => {
      const facts = Object.entries(manifests[name].facts ?? {}).flatMap(([fact, shape]) =>
        typeof shape === 'string' ? [fact] : Object.keys(shape).map((field) => `${fact}.${field}`),
      );
      const told = /\*\*Conditions\*\* \(`when`\): (.*?)(?:\. In HTTP|\.\n\n)/s.exec(page)?.[1] ?? '';
      const named = [...told.matchAll(/`([\w.]+)[^`]*`/g)].map((match) => match[1] ?? '');
      assert.deepEqual(named.sort(), facts.sort());
    });
  });
}
