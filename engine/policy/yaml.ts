import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  type YAMLError,
  type Node,
} from 'yaml';
import { type FileIssue } from '../contract/models.ts';

/** The limits of a file: the size is CAPABILITIES', the depth is ours (the deepest valid file has 6 levels). */
export const MAX_BYTES = 5 * 1024 * 1024;
export const MAX_DEPTH = 32;
/** More syntax errors than this are consequences of the first ones. */
const MAX_SYNTAX_ISSUES = 20;

/** A text that is YAML, or as good as: `issues` may hold duplicate keys, which do not make the rest unreadable. */
export interface YamlSource {
  readonly document: Document;
  readonly root: Node;
  readonly issues: readonly FileIssue[];
  /** Line and column, from 1, of an offset into the text. */
  at(offset: number): { line: number; column: number };
}

/** Reads YAML and refuses what a Firebreak file may not hold: aliases, anchors, tags, further documents, depth. */
export function readYaml(source: string, file: string): YamlSource | { readonly issues: readonly FileIssue[] } {
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source;
  const counter = new LineCounter();
  counter.addNewLine(0);
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) counter.addNewLine(end + 1);
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = counter.linePos(Math.min(offset, text.length));
    return { line, column: col };
  };
  const issue = (offset: number, message: string, hint: string): FileIssue => ({
    file,
    ...at(offset),
    path: '',
    message,
    hint,
  });

  if (Buffer.byteLength(text) > MAX_BYTES) {
    return {
      issues: [
        issue(
          0,
          `expected at most 5 MiB, found ${(Buffer.byteLength(text) / 1024 / 1024).toFixed(1)} MiB`,
          'split the file, or remove what is not policy',
        ),
      ],
    };
  }
  const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]/.exec(text);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).padStart(2, '0');
    return {
      issues: [
        issue(
          control.index,
          `expected YAML text, found the control character 0x${code}`,
          'this is a binary file, or was saved in another encoding: save it as UTF-8 text',
        ),
      ],
    };
  }

  if (bracketsPileUp(text)) return { issues: [issue(0, tooDeep, tooDeepHint)] };
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
  // Its own recursion is where the parser gives up; what it reports besides is a consequence.
  if (document.errors.some(({ message }) => /call stack/i.test(message)))
    return { issues: [issue(0, tooDeep, tooDeepHint)] };
  const broken = [...document.errors, ...document.warnings].map((error) => issue(error.pos[0], ...syntaxWords(error)));
  if (broken.length > 0) return { issues: capped(broken) };
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) {
    return {
      issues: [
        issue(
          0,
          'expected a Firebreak file, found nothing: the file is empty',
          'begin with the line `version: 1`, then `policies:`',
        ),
      ],
    };
  }
  const { fatal, duplicates } = inspect(root, text, issue);
  return fatal.length > 0
    ? { issues: capped([...fatal, ...duplicates]) }
    : { document, root, issues: capped(duplicates), at };
}

const tooDeep = `expected at most ${MAX_DEPTH} levels of nesting, found more`;
const tooDeepHint =
  'no Firebreak file needs more than a few levels: look for a bracket or an indentation that never ends';

function capped(issues: readonly FileIssue[]): readonly FileIssue[] {
  return issues.slice(0, MAX_SYNTAX_ISSUES);
}

/** Whether so many brackets stand open that the parser would work on them for half a minute (5 MiB of `[`). */
function bracketsPileUp(text: string): boolean {
  let open = 0;
  for (const bracket of text.matchAll(/[[\]{}]/g)) {
    open = Math.max(0, open + (bracket[0] === '[' || bracket[0] === '{' ? 1 : -1));
    if (open > 2_000) return true;
  }
  return false;
}

type Report = (offset: number, message: string, hint: string) => FileIssue;
interface Findings {
  readonly fatal: FileIssue[];
  readonly duplicates: FileIssue[];
}

/** Walks the tree without recursion and without following aliases. */
function inspect(root: Node, text: string, issue: Report): Findings {
  const findings: Findings = { fatal: [], duplicates: [] };
  const stack: { node: unknown; depth: number }[] = [{ node: root, depth: 1 }];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { node, depth } = entry;
    if (isPair(node)) {
      stack.push({ node: node.value, depth }, { node: node.key, depth });
      continue;
    }
    if (isAlias(node)) {
      findings.fatal.push(
        issue(
          node.range?.[0] ?? 0,
          `expected a value, found the alias *${node.source}`,
          'aliases are refused: write the value out where it is used',
        ),
      );
      continue;
    }
    if (!isCollection(node) && !isScalar(node)) continue;
    const start = node.range?.[0] ?? 0;
    if (node.anchor !== undefined)
      findings.fatal.push(
        issue(
          Math.max(0, text.lastIndexOf(`&${node.anchor}`, start)),
          `expected a value, found the anchor &${node.anchor}`,
          'anchors are refused: remove it and write the value out where it is used',
        ),
      );
    if (!isCollection(node)) continue;
    if (depth > MAX_DEPTH) return { fatal: [issue(start, tooDeep, tooDeepHint)], duplicates: [] };
    if (isMap(node)) findDuplicates(node.items, issue, findings.duplicates);
    for (const item of node.items.toReversed()) stack.push({ node: item, depth: depth + 1 });
  }
  return findings;
}

function findDuplicates(pairs: readonly { readonly key: unknown }[], issue: Report, duplicates: FileIssue[]): void {
  const seen = new Set<string>();
  for (const { key } of pairs) {
    if (!isScalar(key)) continue;
    const name = String(key.source ?? key.value);
    if (seen.has(name))
      duplicates.push(
        issue(
          key.range?.[0] ?? 0,
          `expected each key once, found ${name} again`,
          `remove one of the two; only the first ${name} was read`,
        ),
      );
    seen.add(name);
  }
}

/** What the parser means, in our words: message and remedy. */
function syntaxWords(error: YAMLError): [string, string] {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return ['expected spaces as indentation, found a tab', 'YAML allows no tabs here: replace each by two spaces'];
    case 'MULTIPLE_DOCS':
      return [
        'expected one document, found a second one',
        'remove the line `---` and what follows it, or make it a file of its own',
      ];
    case 'BAD_INDENT':
      return error.message.startsWith('Flow')
        ? [`expected the end of a bracket: ${lower(error.message)}`, 'close the bracket, or indent what is inside it']
        : [
            `expected an indentation that fits the lines around it: ${lower(error.message)}`,
            'align the keys of one mapping in one column',
          ];
    case 'MISSING_CHAR':
      return [
        `expected a closing or separating character: ${lower(error.message)}`,
        'close the quote or bracket, or add the comma or colon that is missing',
      ];
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return [
        `expected \`key: value\` on one line: ${lower(error.message)}`,
        'put quotes around a value that holds a colon, or check the indentation',
      ];
    case 'BAD_SCALAR_START':
    case 'BAD_DQ_ESCAPE':
      return [`expected plain text: ${lower(error.message)}`, 'put single quotes around the value'];
    case 'TAG_RESOLVE_FAILED':
      return [`expected a plain value: ${lower(error.message)}`, 'tags are not used in Firebreak files: remove it'];
    default:
      return [
        `expected YAML: ${lower(error.message)}`,
        'look at this line and the one above for a missing colon, quote, bracket or indentation',
      ];
  }
}
const lower = (message: string): string => `${message[0]?.toLowerCase() ?? ''}${message.slice(1)}`;
