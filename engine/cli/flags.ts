import { InvalidArgumentError, Option } from 'commander';
import { type z } from 'zod';
import { type Field } from '../contract/fields.ts';
import { snake } from '../contract/sections.ts';
import { EXIT, FirebreakError } from '../kernel/errors.ts';

/** From the fields of a shape to the flags of a command: `latencyChance` is `--latency-chance`. */

const dashed = (name: string): string => snake(name).replaceAll('_', '-');
export const flagOf = (name: string): string => `--${dashed(name)}`;
/** The name that commander gives the value of a flag: `--ram-chunk-mb` is `ramChunkMb`. */
const keyOf = (name: string): string => dashed(name).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** What stands for a value in the help. */
function wordOf({ kind, unit }: Field): string {
  switch (kind) {
    case 'duration':
      return 'd';
    case 'ratio':
      return '0-1';
    case 'number':
      return unit === 'MB' ? 'MB' : 'n';
    case 'map':
      return 'name=value';
    case 'condition':
      return 'CEL';
    default:
      return 'text';
  }
}

/** One flag for one field. Fields that are on by default are turned off by `--no-…`. */
export function optionOf(field: Field): Option {
  const { kind, name, help, fallback, choices } = field;
  const flag = flagOf(name);
  if (kind === 'flag') return fallback === 'true' ? new Option(`--no-${dashed(name)}`, `Not: ${help}`) : new Option(flag, help);
  const limits = kind === 'number' && field.min !== undefined && field.max !== undefined ? ` (${field.min} to ${field.max})` : '';
  const option = new Option(`${flag} <${wordOf(field)}>`, `${help}${limits}${remarkOf(field)}`);
  if (kind === 'choice') option.choices(choices);
  if (kind === 'list') option.argParser((value, all: readonly string[] | undefined) => [...(all ?? []), value]);
  if (kind === 'map') option.argParser(pair);
  return option;
}

/** When a flag is read, and what it means when it is not given, where that is something. */
function remarkOf({ kind, fallback = '', readWith }: Field): string {
  const isSaid = !['', '0', '0s', 'false'].includes(fallback) && ['duration', 'ratio', 'number', 'choice', 'text'].includes(kind);
  const remarks = [
    readWith === undefined ? '' : `with ${flagOf(readWith.field)} ${readWith.values.join(' or ')}`,
    isSaid ? `default: ${fallback}` : '',
  ].filter((remark) => remark !== '');
  return remarks.length === 0 ? '' : ` (${remarks.join('; ')})`;
}

function pair(text: string, all: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Expected name=value.');
  return { ...all, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/**
 * What was given, by the names of the fields, each checked against its schema; what was not given is left out.
 * @throws FirebreakError `usage`, naming the flag.
 */
export function valuesOf(
  fields: readonly Field[],
  shape: Readonly<Record<string, z.ZodType>>,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const { name, kind, fallback } = field;
      const raw = given[keyOf(name)];
      // Commander gives `true` for a `--no-…` that nobody wrote.
      if (raw === undefined || (kind === 'flag' && String(raw) === fallback)) return [];
      const value = (kind === 'number' || kind === 'ratio') && String(raw).trim() !== '' ? Number(raw) : raw;
      const checked = shape[name]?.safeParse(value);
      if (checked?.success !== true) throw wrong(field, checked?.error.issues[0]?.message ?? 'expected another value', raw);
      return [[name, value]];
    }),
  );
}

const wrong = ({ name, help, example }: Field, message: string, raw: unknown): FirebreakError =>
  new FirebreakError('usage', `${flagOf(name)}: ${message}, found ${String(raw)}`, {
    hint: example === '' ? help : `${help} For example ${flagOf(name)} ${example}.`,
    exitCode: EXIT.usage,
  });
