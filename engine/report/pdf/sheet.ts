import PDFDocument from 'pdfkit';
import { losesLetters, winAnsi } from './winansi.ts';

/** The paper: A4 in points, its margins, the type scale and the colours. Everything on it is placed through `Sheet`. */
export const PAGE = { width: 595.28, height: 841.89, left: 56, right: 56, top: 58, bottom: 72 } as const;
export const CONTENT = PAGE.width - PAGE.left - PAGE.right;
const FLOOR = PAGE.height - PAGE.bottom;

export const INK = {
  text: '#1c232b',
  muted: '#5d6874',
  faint: '#8a949e',
  line: '#d8dde2',
  panel: '#f4f6f8',
  white: '#ffffff',
  /** The injection window: present, never louder than the data. */
  window: '#fbeedd',
  windowEdge: '#c98a3c',
  good: '#1d7446',
  bad: '#a8261d',
  warn: '#a65a08',
  data: ['#24588c', '#b0561a', '#5b7f3a', '#7a4b8c', '#3f7f86', '#8a6d3b'],
} as const;

export interface Style {
  readonly font: 'Helvetica' | 'Helvetica-Bold' | 'Helvetica-Oblique' | 'Courier' | 'Courier-Bold';
  readonly size: number;
  readonly color: string;
  /** Distance from line to line, as a multiple of the size. */
  readonly lead: number;
}
const style = (font: Style['font'], size: number, color: string = INK.text, lead = 1.36): Style => ({
  font,
  size,
  color,
  lead,
});
export const TYPE = {
  title: style('Helvetica-Bold', 21, INK.text, 1.18),
  hypothesis: style('Helvetica', 12, INK.text, 1.4),
  section: style('Helvetica-Bold', 13, INK.text, 1.3),
  sub: style('Helvetica-Bold', 9.5),
  body: style('Helvetica', 9.5),
  bodyMuted: style('Helvetica', 9.5, INK.muted),
  label: style('Helvetica', 7.5, INK.muted, 1.3),
  table: style('Helvetica', 8.5),
  tableMuted: style('Helvetica', 8.5, INK.muted),
  tableHead: style('Helvetica-Bold', 7.5, INK.muted),
  figure: style('Helvetica-Bold', 14, INK.text, 1.2),
  mono: style('Courier', 8, INK.text, 1.35),
  axis: style('Helvetica', 7, INK.muted, 1.2),
} as const;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * A document under way and the place where the next thing goes. All lines are broken here and not by pdfkit, which
 * would start a page of its own accord wherever a text comes near the bottom.
 */
export class Sheet {
  readonly doc: PDFKit.PDFDocument;
  y: number = PAGE.top;
  /** Whether some letter had to be replaced; the report then says so. */
  lostLetters = false;
  readonly #done: Promise<Buffer>;

  constructor(info: { readonly title: string; readonly subject: string; readonly createdAt: number }) {
    this.doc = new PDFDocument({
      size: [PAGE.width, PAGE.height],
      margin: 0,
      bufferPages: true,
      lang: 'en-GB',
      displayTitle: true,
      info: {
        Title: info.title,
        Subject: info.subject,
        Author: 'Firebreak',
        Creator: 'Firebreak',
        CreationDate: new Date(info.createdAt),
      },
    });
    const chunks: Buffer[] = [];
    this.#done = new Promise((resolve, reject) => {
      this.doc.on('data', (chunk: Buffer) => chunks.push(chunk));
      this.doc.on('end', () => resolve(Buffer.concat(chunks)));
      this.doc.on('error', reject);
    });
  }

  /** How much room is left on this page, in points. */
  get room(): number {
    return FLOOR - this.y;
  }
  newPage(): void {
    this.doc.addPage();
    this.y = PAGE.top;
  }
  /** Starts a page when less than `height` is left on this one. Returns whether it did. */
  need(height: number): boolean {
    if (height <= this.room || this.y === PAGE.top) return false;
    this.newPage();
    return true;
  }
  gap(points: number): void {
    if (this.y > PAGE.top) this.y += points;
  }

  /** A heading with a rule, kept on one page with `follow` points of what comes after it; also a bookmark. */
  section(title: string, follow = 90): void {
    this.gap(22);
    this.need(30 + follow);
    this.doc.outline.addItem(winAnsi(title));
    this.line(title, PAGE.left, this.y, TYPE.section);
    this.y += 19;
    this.rule(PAGE.left, this.y, CONTENT);
    this.y += 10;
  }

  /** Breaks `text` into lines no wider than `width`; from `maxLines` on it is cut with an ellipsis. */
  wrap(text: string, width: number, type: Style, maxLines = Number.POSITIVE_INFINITY): readonly string[] {
    const lines: string[] = [];
    for (const paragraph of this.letters(text).split('\n')) {
      let line = '';
      // Split keeps the white space, so that code keeps its indentation.
      for (const word of paragraph.split(/(?<= )(?=[^ ])/)) {
        if (this.width((line + word).trimEnd(), type) <= width) {
          line += word;
          continue;
        }
        if (line.trim() !== '') lines.push(line.trimEnd());
        line = this.#chop(line.trim() === '' ? line + word : word, width, type, lines, maxLines);
        if (lines.length > maxLines) break;
      }
      lines.push(line.trimEnd());
      if (lines.length > maxLines) break;
    }
    if (lines.length <= maxLines) return lines;
    const kept = lines.slice(0, maxLines);
    kept[maxLines - 1] = this.#ellipsis(`${kept[maxLines - 1] ?? ''}…`, width, type);
    return kept;
  }

  /** Writes wrapped text in a column and returns its height; does not move `y` and never breaks the page. */
  block(text: string, x: number, y: number, width: number, type: Style, maxLines?: number): number {
    const lines = this.wrap(text, width, type, maxLines);
    lines.forEach((line, index) => this.#draw(line, x, y + index * type.size * type.lead, type));
    return lines.length * type.size * type.lead;
  }
  heightOf(text: string, width: number, type: Style, maxLines?: number): number {
    return this.wrap(text, width, type, maxLines).length * type.size * type.lead;
  }
  /** Writes a paragraph over the whole width, breaking over pages as needed. */
  flow(text: string, type: Style = TYPE.body, indent = 0): void {
    const height = type.size * type.lead;
    for (const line of this.wrap(text, CONTENT - indent, type)) {
      this.need(height);
      this.#draw(line, PAGE.left + indent, this.y, type);
      this.y += height;
    }
  }
  /** One line, cut with an ellipsis when wider than `options.width`. Aligned within that width. */
  line(
    text: string,
    x: number,
    y: number,
    type: Style,
    options: { width?: number; align?: 'left' | 'right' | 'center' } = {},
  ): void {
    const shown =
      options.width === undefined ? this.letters(text) : this.#ellipsis(this.letters(text), options.width, type);
    const spare = (options.width ?? 0) - this.width(shown, type);
    const shift = options.align === 'right' ? spare : options.align === 'center' ? spare / 2 : 0;
    this.#draw(shown.replaceAll('\n', ' '), x + Math.max(0, shift), y, type);
  }
  /** The width in points of text that is already in the letters of the fonts. */
  width(text: string, type: Style): number {
    return this.doc.font(type.font).fontSize(type.size).widthOfString(text);
  }
  letters(text: string): string {
    this.lostLetters ||= losesLetters(text);
    return winAnsi(text);
  }

  rule(x: number, y: number, width: number, color: string = INK.line): void {
    this.doc
      .moveTo(x, y)
      .lineTo(x + width, y)
      .lineWidth(0.6)
      .strokeColor(color)
      .stroke();
  }
  panel({ x, y, width, height }: Box, color: string = INK.panel): void {
    this.doc.roundedRect(x, y, width, height, 3).fill(color);
  }

  /** Calls `draw` on every page with its number and the number of pages, then closes the document. */
  finish(draw: (page: number, pages: number) => void): Promise<Buffer> {
    const { count } = this.doc.bufferedPageRange();
    for (let page = 0; page < count; page++) {
      this.doc.switchToPage(page);
      draw(page + 1, count);
    }
    this.doc.end();
    return this.#done;
  }

  #draw(text: string, x: number, y: number, type: Style): void {
    if (text === '') return;
    this.doc
      .font(type.font)
      .fontSize(type.size)
      .fillColor(type.color)
      .text(text.replaceAll('\u00a0', ' '), x, y, { lineBreak: false });
  }
  /** Pushes full lines of an overlong word, best broken after a separator, and returns what is left of it. */
  #chop(word: string, width: number, type: Style, lines: string[], maxLines: number): string {
    let rest = word;
    while (this.width(rest.slice(0, 400).trimEnd(), type) > width && lines.length <= maxLines) {
      let fits = 1;
      while (fits < rest.length && this.width(rest.slice(0, fits + 1), type) <= width) fits++;
      const separator = rest.slice(0, fits).search(/[/._\-:,;=&?][^/._\-:,;=&?]*$/) + 1;
      const cut = separator > fits * 0.6 ? separator : fits;
      lines.push(rest.slice(0, cut));
      rest = rest.slice(cut);
    }
    return rest;
  }
  #ellipsis(text: string, width: number, type: Style): string {
    let shown = text.slice(0, 400);
    if (shown.length === text.length && this.width(shown, type) <= width) return shown;
    while (shown.length > 1 && this.width(`${shown.trimEnd()}…`, type) > width) shown = shown.slice(0, -1);
    return `${shown.trimEnd().replace(/…$/, '')}…`;
  }
}
