/**
 * The standard PDF fonts speak WinAnsi (CP1252) and nothing else; what they cannot show would come out as others.
 * Text is therefore brought into that set first: symbols become what they mean, letters lose the accents that the set
 * lacks, Greek and Cyrillic are written in Latin letters, and what remains becomes `?`.
 */
const EXTRA = new Set('ƒ–—‘’‚“”„†‡•…€‰‹›ˆ™Œœ˜ŠšŸŽž');

const MEANT: Readonly<Record<string, string>> = {
  '→': '->',
  '←': '<-',
  '↔': '<->',
  '⇒': '=>',
  '⇐': '<=',
  '↑': '^',
  '↓': 'v',
  '≥': '>=',
  '≤': '<=',
  '≠': '!=',
  '≈': '~',
  '≡': '=',
  '−': '-',
  '‐': '-',
  '‑': '-',
  '‒': '–',
  '―': '—',
  '′': "'",
  '″': '"',
  '∞': 'infinite',
  '√': 'sqrt',
  '∑': 'sum',
  '∆': 'delta',
  '∕': '/',
  '✓': 'ok',
  '✔': 'ok',
  '✅': 'ok',
  '✗': 'x',
  '✘': 'x',
  '❌': 'x',
  '⚠': '(!)',
  '●': '•',
  '○': 'o',
  '■': '•',
  '▪': '•',
  '◆': '•',
  '│': '|',
  '─': '-',
  '├': '|',
  '└': '|',
  '┌': '|',
  '┐': '|',
  '┘': '|',
  '┤': '|',
  '█': '#',
  '\u2028': '\n',
  '\u2029': '\n',
  '\t': '  ',
  '\u202f': '\u00a0',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
  ı: 'i',
  ħ: 'h',
  Ħ: 'H',
  ŋ: 'ng',
  Ŋ: 'NG',
  ẞ: 'SS',
};

const LATIN: Readonly<Record<string, string>> = Object.fromEntries(
  (
    'а=a б=b в=v г=g д=d е=e ж=zh з=z и=i й=j к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh щ=shch ' +
    'ъ=" ы=y ь=\' э=e ю=yu я=ya є=ye і=i ї=yi ґ=g ј=j љ=lj њ=nj ћ=c ђ=dj џ=dz α=a β=b γ=g δ=d ε=e ζ=z η=i θ=th ι=i ' +
    'κ=k λ=l μ=µ ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f χ=ch ψ=ps ω=o'
  )
    .split(' ')
    .map((pair) => pair.split('=') as [string, string]),
);

/** Zero-width characters, direction marks, variation selectors and the soft hyphen: nothing to see. */
const INVISIBLE = /^[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\u{e0000}-\u{e007f}]$/u;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const PLAIN = /^[\n\x20-\x7e]*$/;

/** `text` in characters that the standard fonts have, line feeds kept; `?` for each letter that has no likeness. */
export function winAnsi(text: string): string {
  if (PLAIN.test(text)) return text;
  let result = '';
  for (const { segment } of graphemes.segment(text.replaceAll(/\r\n?/g, '\n').normalize('NFC')))
    result += cluster(segment);
  return result;
}

/** Whether `winAnsi` has to give up on a letter of the text. */
export const losesLetters = (text: string): boolean => questionMarks(winAnsi(text)) > questionMarks(text);
const questionMarks = (text: string): number => text.split('?').length - 1;

/** What a reader sees as one character: an emoji of five code points is one `?`, not five. */
function cluster(segment: string): string {
  const shown = [...segment].map((character) => one(character));
  const known = shown.filter((text) => text !== undefined).join('');
  return known === '' && shown.includes(undefined) ? '?' : known;
}

/** '' for what cannot be seen, undefined for what has no likeness in the set. */
function one(character: string): string | undefined {
  if (inSet(character)) return character;
  const meant = MEANT[character];
  if (meant !== undefined) return meant;
  if (INVISIBLE.test(character)) return '';
  if (/\p{Cc}/u.test(character)) return undefined;
  const lower = LATIN[character.toLowerCase()];
  if (lower !== undefined)
    return character === character.toLowerCase() ? lower : lower.charAt(0).toUpperCase() + lower.slice(1);
  if (/\p{M}/u.test(character)) return '';
  if (/\p{Zs}/u.test(character)) return ' ';
  const bare = character.normalize('NFKD').replaceAll(/\p{M}/gu, '');
  if (bare === character || bare === '') return undefined;
  const letters = [...bare].map((letter) => (inSet(letter) ? letter : (MEANT[letter] ?? LATIN[letter] ?? undefined)));
  return letters.includes(undefined) ? undefined : letters.join('');
}

function inSet(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return (
    character === '\n' ||
    (code >= 0x20 && code <= 0x7e) ||
    (code >= 0xa0 && code <= 0xff && code !== 0xad) ||
    EXTRA.has(character)
  );
}
