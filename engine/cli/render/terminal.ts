import { type WriteStream } from 'node:tty';

/** One of the two output streams, and what it can show. */
export interface Terminal {
  readonly isTty: boolean;
  readonly colour: boolean;
  /** Columns; 100 where nothing is known. */
  readonly width: number;
  write(text: string): void;
  line(text?: string): void;
  /**
   * Replaces the lines below the last permanent line, in place and in one write, so that nothing flickers. Lines are cut
   * to the width, and left out beyond the height: what has wrapped or scrolled away could not be rewritten. On anything
   * but a terminal it does nothing.
   */
  live(lines: readonly string[]): void;
  /** Resolves when everything written has left the process. */
  flush(): Promise<void>;
}

type Output = Pick<WriteStream, 'write' | 'on'> & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** Synchronised output (DEC mode 2026): a terminal that knows it shows the frame at once; others ignore it. */
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

export function terminalOf(output: Output, env: NodeJS.ProcessEnv = process.env): Terminal {
  const isTty = output.isTTY === true && env['TERM'] !== 'dumb';
  let shown = 0;
  let gone = false;
  // A reader that has left (`| head`, a closed window) must not end a run before it has reverted.
  output.on('error', () => (gone = true));
  const write = (text: string): void => {
    if (!gone) output.write(text);
  };
  const up = (): string => (shown > 0 ? `\x1b[${shown}A\r` : '');
  const width = (): number => output.columns ?? 100;
  return {
    isTty,
    colour: colourWanted(isTty, env),
    get width() {
      return width();
    },
    write,
    line: (text = '') => {
      if (shown === 0) return write(`${text}\n`);
      write(`${BEGIN}${up()}${CLEAR_BELOW}${text}\n${END}`);
      shown = 0;
    },
    live: (lines) => {
      if (!isTty) return;
      const room = Math.max(2, (output.rows ?? 24) - 1);
      const kept = lines.length <= room ? lines : [...lines.slice(0, room - 1), `  … ${lines.length - room + 1} more lines`];
      const body = kept.map((line) => `${cut(line, width() - 1)}${CLEAR_LINE}\n`).join('');
      write(`${BEGIN}${up()}${body}${CLEAR_BELOW}${END}`);
      shown = kept.length;
    },
    flush: () => new Promise((resolve) => (gone ? resolve() : output.write('', () => resolve()))),
  };
}

/** https://no-color.org and https://force-color.org */
function colourWanted(isTty: boolean, env: NodeJS.ProcessEnv): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0';
  return isTty;
}

// The colour sequences of style.ts
const SEQUENCE = /\x1b\[[\d;]*m/y;

/** Columns that a text takes, colours not counted. Firebreak's own texts use no wide characters. */
export const visible = (text: string): number => [...text.replace(/\x1b\[[\d;]*m/g, '')].length;

/** The first `columns` columns of a text, with an ellipsis when something was left out; colours stay whole. */
export function cut(text: string, columns: number): string {
  if (visible(text) <= columns) return text;
  let kept = '';
  let room = columns - 1;
  for (let at = 0; at < text.length && room > 0; ) {
    SEQUENCE.lastIndex = at;
    const sequence = SEQUENCE.exec(text)?.[0];
    const piece = sequence ?? String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (sequence === undefined) room -= 1;
    kept += piece;
    at += piece.length;
  }
  return text.includes('\x1b[') ? `${kept}…\x1b[0m` : `${kept}…`;
}

/**
 * Breaks a text at spaces into lines of at most `columns`. `indent` stands before the first; before the others as many
 * spaces, so that they hang under it.
 */
export function wrap(text: string, columns: number, indent = ''): string {
  const room = Math.max(20, columns - visible(indent));
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && visible(line) + 1 + visible(word) > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  const hanging = ' '.repeat(visible(indent));
  return lines.map((line, at) => (at === 0 ? indent : hanging) + line).join('\n');
}
