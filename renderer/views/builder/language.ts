import { yamlLanguage } from '@codemirror/lang-yaml';
import { LanguageSupport } from '@codemirror/language';
import { type Input, type PartialParse, NodeType, Tree, TreeBuffer } from '@lezer/common';

/**
 * How many levels of a text may lie within each other and still get colours. Parser and highlighter call themselves for each: some
 * thousand brackets that nobody closed overflow the stack, and then no text is coloured any more. No policy is a tenth as deep.
 */
const DEEPEST = 1_000;

/** YAML as the editor reads it; a text that is nested beyond all sense is plain text. */
export const yamlSupport = (): LanguageSupport =>
  new LanguageSupport(yamlLanguage.configure({ wrap: (parse, input) => new Shallow(parse, input) }));

/** A parse whose tree is never too deep. */
class Shallow implements PartialParse {
  readonly #parse: PartialParse;
  readonly #input: Input;

  constructor(parse: PartialParse, input: Input) {
    this.#parse = parse;
    this.#input = input;
  }
  advance(): Tree | null {
    let tree: Tree | null;
    try {
      tree = this.#parse.advance();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return plain(this.stoppedAt ?? this.#input.length);
    }
    return tree === null || depthOf(tree, DEEPEST) <= DEEPEST ? tree : plain(tree.length);
  }
  get parsedPos(): number {
    return this.#parse.parsedPos;
  }
  stopAt(position: number): void {
    this.#parse.stopAt(position);
  }
  get stoppedAt(): number | null {
    return this.#parse.stoppedAt;
  }
}
const plain = (length: number): Tree => new Tree(NodeType.none, [], [], length);

/** Parts of a tree are used again after each change of the text, and need not be measured again. */
const KNOWN = new WeakMap<Tree | TreeBuffer, number>();
/** Levels below and with a node; more than `most` when there are more. */
function depthOf(node: Tree | TreeBuffer, most: number): number {
  const known = KNOWN.get(node);
  if (known !== undefined) return known;
  if (most <= 0) return 1;
  let deepest = 0;
  if (node instanceof TreeBuffer) deepest = levelsOf(node.buffer) - 1;
  else
    for (const child of node.children) {
      deepest = Math.max(deepest, depthOf(child, most - 1));
      // How much deeper it goes is not known: nothing to remember.
      if (deepest >= most) return deepest + 1;
    }
  KNOWN.set(node, deepest + 1);
  return deepest + 1;
}
/** A buffer holds type, start, end and the index behind its last descendant of each node. */
function levelsOf(buffer: Uint16Array): number {
  const ends: number[] = [];
  let deepest = 0;
  for (let at = 0; at < buffer.length; at += 4) {
    while ((ends.at(-1) ?? Infinity) <= at) ends.pop();
    ends.push(buffer[at + 3] ?? 0);
    deepest = Math.max(deepest, ends.length);
  }
  return deepest;
}
