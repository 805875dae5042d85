import { z } from 'zod';

declare const brand: unique symbol;
/** A value of type T that only its own parser may make. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A span of time in milliseconds; fractions allowed, never negative. */
export type Millis = Brand<number, 'Millis'>;
export const millis = (value: number): Millis => value as Millis;

/** Identifies one run of an experiment or one `apply`: `r-` and 12 lower-case characters. */
export type RunId = Brand<string, 'RunId'>;
export const runId = z
  .string()
  .regex(/^r-[0-9a-z]{12}$/)
  .transform((text) => text as RunId);

/** Identifies one fault on one target in the undo journal: `f-` and 12 lower-case characters. */
export type FaultId = Brand<string, 'FaultId'>;
export const faultId = z
  .string()
  .regex(/^f-[0-9a-z]{12}$/)
  .transform((text) => text as FaultId);
