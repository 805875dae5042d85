import { ANY, asserts, BadPattern, charNode, classNode, DIGITS, EMPTY, ESCAPED, type Node, POSIX, SPACES, WORDS } from './linear-nodes.ts';

/** Most repetitions of a counted one; the same as in RE2. */
const MOST_REPEATS = 1_000;
/** So deep may groups be nested. */
const DEEPEST = 100;

/**
 * Reads a regular expression in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax), which leaves out what
 * cannot be matched in linear time: back-references and look-around. It is compared with texts in capitals, so its case
 * does not count; `.` takes line ends too; a repetition that is not greedy takes the same texts. Throws BadPattern.
 */
export function parsePattern(source: string): Node {
  const reader = new Reader(source);
  const node = reader.alternatives(0);
  if (!reader.done) throw new BadPattern('there is a ) without its (');
  return node;
}

class Reader {
  readonly #chars: readonly string[];
  #at = 0;

  constructor(source: string) {
    this.#chars = [...source];
  }
  get done(): boolean {
    return this.#at >= this.#chars.length;
  }
  #peek(ahead = 0): string {
    return this.#chars[this.#at + ahead] ?? '';
  }
  #take(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.#peek(i) !== text[i]) return false;
    this.#at += text.length;
    return true;
  }

  alternatives(depth: number): Node {
    if (depth > DEEPEST) throw new BadPattern('its groups are nested too deep');
    const all = [this.#sequence(depth)];
    while (this.#take('|')) all.push(this.#sequence(depth));
    return all.length === 1 ? (all[0] as Node) : { kind: 'any-of', nodes: all };
  }
  #sequence(depth: number): Node {
    const nodes: Node[] = [];
    while (!this.done && this.#peek() !== '|' && this.#peek() !== ')') nodes.push(this.#repeated(this.#atom(depth)));
    return nodes.length === 1 ? (nodes[0] as Node) : { kind: 'all-of', nodes };
  }

  #repeated(atom: Node): Node {
    let node = atom;
    for (let times = 0; ; times++) {
      const range = this.#range();
      if (range === undefined) return node;
      if (times > 0) throw new BadPattern('a repetition follows another one');
      this.#take('?');
      const [min, max] = range;
      node = { kind: 'repeat', node, min, max };
    }
  }
  #range(): readonly [number, number] | undefined {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    // A brace that is no count stands for itself.
    const count = this.#peek() === '{' ? /^\{(\d{1,6})(,?)(\d{0,6})\}/.exec(this.#chars.slice(this.#at, this.#at + 16).join('')) : null;
    if (count === null) return undefined;
    this.#at += count[0].length;
    const min = Number(count[1]);
    const max = count[3] !== '' ? Number(count[3]) : count[2] === '' ? min : Infinity;
    if (max < min || min > MOST_REPEATS || (max !== Infinity && max > MOST_REPEATS)) throw new BadPattern(`${count[0]} is no count from 0 to ${MOST_REPEATS}`);
    return [min, max];
  }

  #atom(depth: number): Node {
    const char = this.#peek();
    this.#at++;
    switch (char) {
      case '(':
        return this.#group(depth);
      case '[':
        return this.#class();
      case '.':
        return ANY;
      case '^':
        return asserts('start');
      case '$':
        return asserts('end');
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw new BadPattern(`there is nothing before ${char} to repeat`);
      default:
        return charNode(char);
    }
  }
  #group(depth: number): Node {
    if (this.#take('?')) {
      const flags = /^[imsU]*(-[imsU]+)?[:)]/.exec(this.#chars.slice(this.#at, this.#at + 12).join(''))?.[0];
      if (flags !== undefined) {
        // Flags change nothing here: neither case, nor line ends, nor greed do count.
        this.#at += flags.length;
        if (flags.endsWith(')')) return EMPTY;
      } else if (this.#take('P<') || (this.#peek(1) !== '=' && this.#peek(1) !== '!' && this.#take('<'))) {
        while (!this.done && this.#peek() !== '>') this.#at++;
        this.#at++;
      } else throw new BadPattern(`(?${this.#peek()} is not part of RE2, which cannot look around`);
    }
    const node = this.alternatives(depth + 1);
    if (!this.#take(')')) throw new BadPattern('a ( has no )');
    return node;
  }

  #escape(): Node {
    const char = this.#peek();
    this.#at++;
    const set = ESCAPED[char];
    if (set !== undefined) return set();
    if (char === 'Q') {
      const nodes: Node[] = [];
      while (!this.done && !this.#take('\\E')) nodes.push(charNode(this.#chars[this.#at++] as string));
      return { kind: 'all-of', nodes };
    }
    return charNode(this.#escapedChar(char));
  }
  #escapedChar(char: string): string {
    const known = CONTROLS[char];
    if (known !== undefined) return known;
    if (char === 'x') {
      const digits = /^(?:([0-9a-f]{2})|\{([0-9a-f]{1,6})\})/i.exec(this.#chars.slice(this.#at, this.#at + 8).join(''));
      const code = parseInt(digits?.[1] ?? digits?.[2] ?? '', 16);
      if (digits === null || code > 0x10_ffff) throw new BadPattern('\\x is not followed by two digits or {...}');
      this.#at += digits[0].length;
      return String.fromCodePoint(code);
    }
    if (char === '') throw new BadPattern('it ends with a \\');
    if (/[0-9]/.test(char)) throw new BadPattern(`\\${char} is not part of RE2, which has no references back`);
    if (/[a-z]/i.test(char)) throw new BadPattern(`\\${char} is not known`);
    return char;
  }

  #class(): Node {
    const negated = this.#take('^');
    const singles = new Set<string>();
    const bytes = new Uint8Array(128);
    let first = true;
    for (; first || this.#peek() !== ']'; first = false) {
      if (this.done) throw new BadPattern('a [ has no ]');
      const set = this.#namedSet();
      if (set !== undefined) {
        for (let i = 0; i < 128; i++) if (set[i] === 1) bytes[i] = 1;
        continue;
      }
      const from = this.#classChar();
      const isRange = this.#peek() === '-' && this.#peek(1) !== ']' && this.#peek(1) !== '';
      if (isRange) this.#at++;
      const to = isRange ? this.#classChar() : from;
      const [low, high] = [from.codePointAt(0) as number, to.codePointAt(0) as number];
      if (high < low) throw new BadPattern(`the range ${from}-${to} is the wrong way round`);
      if (high - low > MOST_REPEATS) throw new BadPattern(`the range ${from}-${to} is too long`);
      for (let code = low; code <= high; code++) singles.add(String.fromCodePoint(code));
    }
    this.#at++;
    return classNode(bytes, singles, negated);
  }
  #classChar(): string {
    const char = this.#peek();
    this.#at++;
    if (char === '') throw new BadPattern('a [ has no ]');
    if (char !== '\\') return char;
    const escaped = this.#peek();
    this.#at++;
    return this.#escapedChar(escaped);
  }
  #namedSet(): Uint8Array | undefined {
    const posix = this.#peek() === '[' && this.#peek(1) === ':' ? /^\[:(\w+):\]/.exec(this.#chars.slice(this.#at, this.#at + 12).join('')) : null;
    if (posix !== null) {
      const set = POSIX[posix[1] as string];
      if (set === undefined) throw new BadPattern(`${posix[0]} is not known`);
      this.#at += posix[0].length;
      return set;
    }
    const sets: Readonly<Record<string, Uint8Array>> = { d: DIGITS, s: SPACES, w: WORDS };
    const set = this.#peek() === '\\' ? sets[this.#peek(1).toLowerCase()] : undefined;
    if (set === undefined) return undefined;
    const opposite = this.#peek(1) !== this.#peek(1).toLowerCase();
    this.#at += 2;
    return opposite ? set.map((flag) => 1 - flag) : set;
  }
}

const CONTROLS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\x07' };
