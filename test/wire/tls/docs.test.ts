import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadText } from '../../../engine/policy/load.ts';
import { routeShape, snake } from '../../../engine/contract/sections.ts';

test('the page on TLS shows each of its fields in a file that loads', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../assets/docs/protocols/tls.md'), 'utf8');
  const files = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '');
  assert.ok(files.length >= 3);
  for (const text of files) {
    const loaded = loadText(`version: 1\n${text}`, 'tls.md', {});
    assert.ok(loaded.ok, JSON.stringify(loaded));
  }
  const fields = Object.keys(routeShape).filter((field) => !['name', 'protocol', 'listen', 'upstream'].includes(field));
  for (const field of fields) assert.ok(files.some((text) => text.includes(`${snake(field)}:`)), field);
});
