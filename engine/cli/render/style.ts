/** Colour says again what the words say already: without it nothing is lost. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
  /** White on a colour, for the one word that matters most. */
  readonly badge: (tone: Tone, text: string) => string;
}
export type Tone = 'good' | 'bad' | 'warn' | 'calm';

/** SGR codes (ECMA-48): the 16 colours that every terminal theme defines. */
const BADGE: Readonly<Record<Tone, string>> = { good: '30;42', bad: '97;41', warn: '30;43', calm: '30;46' };

export function styleOf(colour: boolean): Style {
  const paint =
    (code: string) =>
    (text: string): string =>
      colour && text !== '' ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    bold: paint('1'),
    dim: paint('2'),
    red: paint('31'),
    green: paint('32'),
    yellow: paint('33'),
    cyan: paint('36'),
    badge: (tone, text) => (colour ? paint(`1;${BADGE[tone]}`)(` ${text} `) : text),
  };
}

export const toneOf = (style: Style, tone: Tone): ((text: string) => string) =>
  ({ good: style.green, bad: style.red, warn: style.yellow, calm: style.cyan })[tone];
