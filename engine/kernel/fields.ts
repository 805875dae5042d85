import { z } from 'zod';
import { type Millis, millis } from './brands.ts';
import { formatDuration, parseDuration } from './durations.ts';

/**
 * Builders for the fields of fault manifests. Each carries what a form, the docs and an error need: unit, limits, help
 * and an example. A default makes the field optional in the file.
 */
export interface FieldMeta {
  /** One sentence for the form and the docs page. */
  readonly help: string;
  readonly unit?: 'ms' | 'MB' | 'ratio' | 'percent' | 'count' | 'cores' | 'status';
  readonly min?: number;
  readonly max?: number;
  readonly example?: string | number | boolean;
  /** How a form asks for a text: in several lines, or as a condition in CEL. Absent: in one line. */
  readonly form?: 'lines' | 'condition';
  /** `scope`: it chooses what is taken hold of; `idle`: it does nothing for this type, and no form asks for it. Absent: it says what is done. */
  readonly part?: 'scope' | 'idle';
  /** The value of another field with which alone it is read; no form asks for it otherwise. */
  readonly readWith?: { readonly field: string; readonly values: readonly string[] };
}

/** The same field among those that choose what is taken hold of. */
export const scoped = <Field extends z.ZodType>(field: Field): Field => field.meta({ ...field.meta(), part: 'scope' });

/**
 * For manifests in which one field says what is done: `readWith('action')` marks a field as read with these values of it alone. No
 * form asks for it otherwise.
 */
export const readWith = <Value extends string>(name: string) => <Field extends z.ZodType>(field: Field, ...values: readonly Value[]): Field =>
  field.meta({ ...field.meta(), readWith: { field: name, values } } satisfies Partial<FieldMeta>);

/** The fields that say something and are not read, as findings of a manifest's check. */
export function unread(shape: Readonly<Record<string, z.ZodType>>, asked: Readonly<Record<string, unknown>>): { field: string; message: string; hint: string }[] {
  return Object.entries(shape).flatMap(([field, schema]) => {
    const { readWith: only } = (schema.meta() ?? {}) as Partial<FieldMeta>;
    if (only === undefined || only.values.includes(String(asked[only.field])) || asked[field] === schema.parse(undefined)) return [];
    return [{ field, message: `expected ${only.field}: ${only.values.join(' or ')}`, hint: 'leave it out' }];
  });
}

/** `latencyChance` and `latency_chance` -> `latency_chance`; runs of capitals count as one word (`ramChunkMB`). */
export function snake(name: string): string {
  return name.replace(/([a-z0-9])([A-Z]+)/g, '$1_$2').toLowerCase();
}

/** A probability or a load, 0 to 1. */
export const ratio = (help: string, fallback = 0) =>
  z
    .number({ error: 'expected a number from 0 to 1' })
    .min(0, 'expected a number from 0 to 1')
    .max(1, 'expected a number from 0 to 1')
    .default(fallback)
    .meta({ help, unit: 'ratio', min: 0, max: 1, example: 0.3 } satisfies FieldMeta);

/** A whole number within limits. */
export const whole = (help: string, min: number, max: number, fallback = 0, unit: NonNullable<FieldMeta['unit']> = 'count') =>
  z
    .int({ error: `expected a whole number from ${min} to ${max}` })
    .min(min, `expected a whole number from ${min} to ${max}`)
    .max(max, `expected a whole number from ${min} to ${max}`)
    .default(fallback)
    .meta({ help, unit, min, max, example: fallback } satisfies FieldMeta);

/** A schema that turns `500ms` into milliseconds and refuses what lies outside [min, max] milliseconds. */
export const durationText = (min: number, max: number) => {
  const expected = `expected a duration from ${formatDuration(min)} to ${formatDuration(max)}, such as 500ms or 10m`;
  return z
    .union([z.string(), z.number()], { error: expected })
    .transform((raw, context): Millis => {
      const value = parseDuration(String(raw));
      if (value === undefined || value < min || value > max) {
        context.addIssue({ code: 'custom', message: expected });
        return z.NEVER;
      }
      return value;
    });
};

/** An exact duration within limits (milliseconds); optional with a fallback in milliseconds. */
export const duration = (help: string, max: number, fallback = 0, min = 0) =>
  durationText(min, max)
    .default(millis(fallback))
    .meta({ help, unit: 'ms', min, max, example: '500ms' } satisfies FieldMeta);

export const flag = (help: string, fallback = false) =>
  z
    .boolean({ error: 'expected true or false' })
    .default(fallback)
    .meta({ help, example: true } satisfies FieldMeta);

export const text = (help: string, maxLength = 65_536) =>
  z
    .string({ error: 'expected text' })
    .max(maxLength, `expected at most ${maxLength} characters`)
    .default('')
    .meta({ help, example: '', form: 'lines' } satisfies FieldMeta);

/** Names and values that must all be present; names compare without regard to case. */
export const headers = (help: string) =>
  z
    .record(z.string(), z.string({ error: 'expected text as the value of a header' }), {
      error: 'expected a mapping of header names to values',
    })
    .default({})
    .meta({ help, example: 'x-canary: "true"' } satisfies FieldMeta);

/** Milliseconds in an hour and a day: the limits of the pastaay v1 format. */
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
