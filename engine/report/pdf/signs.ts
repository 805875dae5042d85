import { type VerdictKey, VERDICT_WORDS } from '../words.ts';
import { INK, type Sheet, TYPE } from './sheet.ts';

/** Shapes that carry a meaning beside their colour, for readers and printers without colour. */
export type Sign = 'check' | 'cross' | 'square' | 'question' | 'triangle' | 'ring';

const VERDICT_LOOK: Readonly<Record<VerdictKey, { readonly color: string; readonly sign: Sign }>> = {
  held: { color: INK.good, sign: 'check' },
  refuted: { color: INK.bad, sign: 'cross' },
  aborted: { color: INK.warn, sign: 'square' },
  inconclusive: { color: INK.muted, sign: 'question' },
  failed: { color: '#6b2347', sign: 'triangle' },
  unfinished: { color: INK.faint, sign: 'ring' },
};

/** The verdict in a coloured field with its shape; returns the width. */
export function verdictChip(sheet: Sheet, key: VerdictKey, x: number, y: number): number {
  const { color, sign } = VERDICT_LOOK[key];
  const type = { ...TYPE.sub, size: 12, color: INK.white };
  const word = VERDICT_WORDS[key].word;
  const width = sheet.width(word, type) + 44;
  sheet.doc.roundedRect(x, y, width, 25, 4).fill(color);
  drawSign(sheet, sign, x + 19, y + 12.5, 6, INK.white, color);
  sheet.line(word, x + 32, y + 7.5, type);
  return width;
}

/** Draws a shape centred on (x, y) with the given radius; `paper` is the colour it stands on. */
export function drawSign(
  sheet: Sheet,
  sign: Sign,
  x: number,
  y: number,
  radius: number,
  color: string,
  paper: string = INK.white,
): void {
  const { doc } = sheet;
  doc
    .save()
    .lineWidth(radius * 0.34)
    .strokeColor(color)
    .lineCap('round')
    .lineJoin('round');
  const at = (dx: number, dy: number): [number, number] => [x + dx * radius, y + dy * radius];
  switch (sign) {
    case 'check':
      doc
        .moveTo(...at(-0.8, 0.05))
        .lineTo(...at(-0.2, 0.65))
        .lineTo(...at(0.85, -0.6))
        .stroke();
      break;
    case 'cross':
      doc
        .moveTo(...at(-0.7, -0.7))
        .lineTo(...at(0.7, 0.7))
        .moveTo(...at(0.7, -0.7))
        .lineTo(...at(-0.7, 0.7))
        .stroke();
      break;
    case 'square':
      doc.rect(...at(-0.7, -0.7), radius * 1.4, radius * 1.4).fill(color);
      break;
    case 'ring':
      doc.circle(x, y, radius * 0.8).stroke();
      break;
    case 'question':
      doc.circle(x, y, radius).fill(color);
      inside('?');
      break;
    case 'triangle':
      doc
        .moveTo(...at(0, -0.95))
        .lineTo(...at(1.05, 0.85))
        .lineTo(...at(-1.05, 0.85))
        .closePath()
        .fillAndStroke(color, color);
      inside('!', 0.25);
      break;
  }
  doc.restore();

  function inside(letter: string, down = 0): void {
    const type = { ...TYPE.sub, size: radius * 1.5, color: paper };
    sheet.line(letter, x - sheet.width(letter, type) / 2, y - type.size * 0.42 + down * radius, type);
  }
}
