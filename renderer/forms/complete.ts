import { snake } from '../../engine/contract/sections.ts';
import { FAULT_TYPES, fieldsAt, summaryOf } from './catalogue.ts';
import { type Field } from '../../engine/contract/fields.ts';

/** What may be written at a place of a text that is not finished: told from indentation and brackets alone. */

export interface Offer {
  readonly label: string;
  /** What is written; the label when absent. */
  readonly insert?: string;
  /** Such as the unit or the default. */
  readonly detail: string;
  readonly info: string;
  readonly kind: 'field' | 'value';
}
export interface Offers {
  /** Where the word under completion begins. */
  readonly from: number;
  readonly offers: readonly Offer[];
}

/** A mapping around a place: its key ('[]' for an item of a list), and the keys and values in it as far as they are on lines. */
interface Level {
  readonly steps: readonly string[];
  readonly keys: ReadonlyMap<string, string>;
}

const KEY = /^([A-Za-z_][\w-]*)\s*:(?:\s+(.*))?$/;
/** Lines further up than this are not looked at. */
const MOST_LINES = 4_000;

/** What may be written at an offset. @param routes names of routes for where one is asked for. */
export function offersAt(text: string, at: number, routes: readonly string[] = []): Offers | undefined {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  const line = text.slice(start, at);
  if (/(^|\s)#/.test(line)) return undefined;
  const bracket = openBracket(line);
  const part = bracket === undefined ? line : line.slice(Math.max(bracket.at, line.lastIndexOf(',')) + 1);
  const plain = part.replace(/^(\s*-\s)+/, '').trimStart();
  const typed = /[\w.$-]*$/.exec(line)?.[0] ?? '';
  const value = /^([A-Za-z_][\w-]*)\s*:\s+["']?([\w.-]*)$/.exec(plain);
  const level = bracket === undefined ? around(text, start, line) : within(text, start, line, bracket.at);
  if (level === undefined) return undefined;
  const path = level.steps.map((step) => (step === '[]' ? 0 : step));
  const fields = fieldsAt(path, () => level.keys.get('type') ?? '');
  if (fields === undefined) return undefined;
  if (value !== null) {
    const field = fields.find(({ name }) => snake(name) === snake(value[1] ?? ''));
    return field === undefined ? undefined : { from: at - (value[2] ?? '').length, offers: valuesOf(field, routes) };
  }
  if (!/^[\w-]*$/.test(plain)) return undefined;
  const camel = [...level.keys.keys()].some((key) => /[a-z][A-Z]/.test(key));
  const there = new Set([...level.keys.keys()].map(snake));
  return {
    from: at - typed.length,
    offers: fields
      .filter(({ name }) => !there.has(snake(name)))
      .map((field) => keyOffer(field, camel, bracket !== undefined)),
  };
}

function keyOffer(field: Field, camel: boolean, flow: boolean): Offer {
  const label = camel ? field.name : snake(field.name);
  const inside = !flow && (field.kind === 'section' || field.kind === 'map');
  const detail = field.required
    ? 'required'
    : field.fallback !== undefined && field.fallback !== ''
      ? `default ${field.fallback}`
      : '';
  return { label, insert: inside ? `${label}:` : `${label}: `, detail, info: infoOf(field), kind: 'field' };
}
const infoOf = ({ help, example }: Field): string => (example === '' ? help : `${help} For example: ${example}`);

function valuesOf(field: Field, routes: readonly string[]): readonly Offer[] {
  const value = (label: string, info: string): Offer => ({ label, detail: '', info, kind: 'value' });
  if (field.name === 'route') return routes.map((name) => value(name, 'A route.'));
  if (field.name === 'type' && field.choices === FAULT_TYPES)
    return field.choices.map((name) => value(name, summaryOf(name)));
  if (field.kind === 'choice')
    return field.choices.filter((name) => name !== '').map((name) => value(name, field.help));
  if (field.kind === 'flag')
    return ['true', 'false'].map((name) => ({
      ...value(name, field.help),
      detail: field.fallback === name ? 'default' : '',
    }));
  return field.example === '' || field.kind === 'map' || field.kind === 'list'
    ? []
    : [{ ...value(field.example, field.help), detail: 'example' }];
}

/** The bracket that is still open at the end of a line. */
function openBracket(line: string): { readonly at: number } | undefined {
  let quote = '';
  const open: number[] = [];
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? '';
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if ((char === '"' || char === "'") && /[\s,[{:-]/.test(line[at - 1] ?? ' ')) quote = char;
    else if (char === '{' || char === '[') open.push(at);
    else if (char === '}' || char === ']') open.pop();
  }
  const at = open.at(-1);
  return quote !== '' || at === undefined ? undefined : { at };
}

/** The mapping in brackets that a place of a line is in. */
function within(text: string, start: number, line: string, at: number): Level | undefined {
  const before = line.slice(0, at);
  const inner = line.slice(at + 1);
  const keys = new Map(
    [...inner.matchAll(/(?:^|,)\s*([A-Za-z_][\w-]*)\s*:\s*([\w.-]*)/g)].map(([, key = '', value = '']) => [key, value]),
  );
  // What follows the place on its line counts as well.
  const end = text.indexOf('\n', start);
  const rest = text.slice(start + line.length, end === -1 ? text.length : end);
  for (const [, key = '', value = ''] of rest.matchAll(/,\s*([A-Za-z_][\w-]*)\s*:\s*([\w.-]*)/g)) keys.set(key, value);
  const owner = openBracket(before);
  const key = /([A-Za-z_][\w-]*)\s*:\s*$/.exec(before)?.[1];
  if (owner !== undefined) {
    const outer = within(text, start, before, owner.at);
    return outer === undefined ? undefined : { steps: [...outer.steps, key ?? '[]'], keys };
  }
  const outer = around(text, start, before.slice(0, key === undefined ? at : before.lastIndexOf(key)), true);
  return outer === undefined ? undefined : { steps: key === undefined ? outer.steps : [...outer.steps, key], keys };
}

/** The mapping of lines that a line is in. `line` is what stands before the place. */
function around(text: string, start: number, line: string, ofBracket = false): Level | undefined {
  const steps: string[] = [];
  const keys = new Map<string, string>();
  const dashed = /^((?:\s*-\s+)*)\s*/.exec(line.endsWith(' ') || !/-$/.test(line) ? line : `${line} `);
  let column = dashed?.[0].length ?? 0;
  const dash = (dashed?.[1] ?? '').trimEnd().length - 1;
  const item = dash >= 0;
  if (item) {
    steps.unshift('[]');
    collectBelow(text, start, column, keys);
    column = dash;
  } else if (!ofBracket || line.trim() === '') collectBelow(text, start, column, keys);
  let collecting = !item;
  let seen = 0;
  for (let at = start - 1; at >= 0 && seen < MOST_LINES; seen++) {
    const from = text.lastIndexOf('\n', at - 1) + 1;
    const written = text.slice(from, at).replace(/\r$/, '');
    at = from - 1;
    if (/^\s*(#|$)/.test(written)) continue;
    const lead = /^((?:\s*-\s+)*)\s*/.exec(written) ?? ['', ''];
    const own = lead[0].length;
    const dashAt = lead[1]?.trimEnd().length === 0 ? -1 : (lead[1]?.trimEnd().length ?? 0) - 1;
    const [, key = '', value = ''] = KEY.exec(written.slice(own).replace(/\s+#.*$/, '')) ?? [];
    if (own === column && collecting && key !== '') keys.set(key, value.replace(/^["']|["']$/g, ''));
    if (dashAt >= 0 && own === column) {
      steps.unshift('[]');
      collecting = false;
      column = dashAt;
      continue;
    }
    // A list may stand at the column of its key.
    const list = steps[0] === '[]' && !collecting;
    if (key !== '' && (own < column || (list && own === column && dashAt < 0)) && value === '') {
      steps.unshift(key);
      column = dashAt >= 0 ? dashAt : own;
      if (dashAt >= 0) steps.unshift('[]');
      collecting = false;
      if (column === 0 && dashAt < 0) break;
    } else if (own < column && key !== '' && dashAt >= 0) {
      column = dashAt;
      steps.unshift('[]');
      collecting = false;
    } else if (own < column && collecting && value !== '') return undefined;
  }
  return { steps, keys };
}

/** The keys of the same mapping below a line. */
function collectBelow(text: string, start: number, column: number, keys: Map<string, string>): void {
  let at = text.indexOf('\n', start);
  for (let seen = 0; at !== -1 && seen < 60; seen++) {
    const end = text.indexOf('\n', at + 1);
    const line = text.slice(at + 1, end === -1 ? text.length : end);
    at = end;
    if (/^\s*(#|$)/.test(line)) continue;
    const own = /^\s*/.exec(line)?.[0].length ?? 0;
    if (own < column || line[own] === '-') return;
    const [, key, value = ''] = own === column ? (KEY.exec(line.slice(own).replace(/\s+#.*$/, '')) ?? []) : [];
    if (key !== undefined) keys.set(key, value.replace(/^["']|["']$/g, ''));
  }
}
