import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classHighlighter, highlightTree } from '@lezer/highlight';
import { TreeFragment, type Tree } from '@lezer/common';
import { yamlSupport } from './language.ts';

const { parser } = yamlSupport().language;
function depthOf(tree: Tree): number {
  let [depth, deepest] = [0, 0];
  tree.iterate({ enter: () => void (deepest = Math.max(deepest, ++depth)), leave: () => void depth-- });
  return deepest;
}
const colours = (tree: Tree): number => {
  let count = 0;
  highlightTree(tree, classHighlighter, () => count++);
  return count;
};
const deep = (brackets: number): string => `name: ${'['.repeat(brackets)}`;

test('a text is coloured, however many policies it holds', () => {
  const many = `policies:\n${'  - { name: a, type: http, target: "/x" }\n'.repeat(2_000)}`;
  assert.ok(colours(parser.parse(many)) > 10_000);
  assert.ok(colours(parser.parse(deep(100))) > 0);
});

test('a text that is nested beyond all sense is plain, and no tree is so deep that the highlighter would break on it', () => {
  for (const text of [deep(2_000), deep(5_000), `${deep(5_000)}${']'.repeat(5_000)}`, `${'- '.repeat(5_000)}x`]) {
    const tree = parser.parse(text);
    assert.ok(depthOf(tree) <= 1_100, `${depthOf(tree)} levels`);
    assert.equal(tree.length, text.length);
  }
});

test('once it is mended it is coloured again, with what was known of it before', () => {
  const broken = parser.parse(deep(5_000));
  const fragments = TreeFragment.applyChanges(TreeFragment.addTree(broken), [
    { fromA: 6, toA: 5_006, fromB: 6, toB: 9 },
  ]);
  assert.ok(colours(parser.parse('name: abc', fragments)) > 0);
});
