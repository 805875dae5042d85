import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { manifests } from '../engine/faults/manifests.ts';
import { loadText } from '../engine/policy/load.ts';

const root = join(import.meta.dirname, '..');
const folders = { wire: 'assets/docs/protocols', host: 'assets/docs/machine' } as const;
const pages = Object.values(folders).flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)));
const documents = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', ...pages];

describe('the documents', () => {
  for (const document of documents) {
    it(`${document} links to what is there`, () => {
      const text = readFileSync(join(root, document), 'utf8');
      const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target as string);
      for (const target of links.filter((link) => !/^[a-z]+:/.test(link))) {
        assert.ok(existsSync(join(root, dirname(document), target)), `${document} links to ${target}`);
      }
    });
  }
  for (const page of pages) {
    it(`${page} shows only what the engine takes`, () => {
      const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, block]) => block as string);
      assert.ok(blocks.length > 0, 'shows no file');
      for (const block of blocks) {
        // A single section is shown without its head, a single policy without its list.
        const listed = /^\s*-/.test(block) ? `policies:\n${block}` : block;
        const whole = /^version:/m.test(listed) ? listed : `version: 1\n${listed}`;
        const result = loadText(whole, page);
        assert.ok(result.ok, `${JSON.stringify(result)}\n${whole}`);
      }
    });
  }
  it('has a page for what each fault on the wire can do', () => {
    const pageOf = (type: string): string => join(root, folders.wire, `${type}.md`);
    const missing = Object.values(manifests).filter(({ layer, type }) => layer === 'wire' && !existsSync(pageOf(type)));
    assert.deepEqual(missing.map(({ type }) => type), []);
  });
});
