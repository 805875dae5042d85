import { type Field } from '../../engine/contract/fields.ts';

/** The fields of a policy as a form asks for them. */
export interface Parts {
  /** What it is called and what kind it is. */
  readonly head: readonly Field[];
  /** What it takes hold of. */
  readonly scope: readonly Field[];
  /** What it does. */
  readonly effect: readonly Field[];
}

/**
 * Sorts the fields of a policy, without those that nobody would miss: which do nothing for its type, or nothing with the value that
 * another field has. What is `kept` is asked for all the same: it is in the file, and must be seen to be taken out again.
 * @param valueOf what a field says in the file; '' where it is absent.
 */
export function partsOf(
  fields: readonly Field[],
  valueOf: (name: string) => string,
  kept: (name: string) => boolean,
): Parts {
  const effective = (name: string): string =>
    valueOf(name) || (fields.find((field) => field.name === name)?.fallback ?? '');
  const asked = ({ name, kind, part, readWith }: Field): boolean =>
    kind !== 'section' &&
    (kept(name) ||
      (part !== 'idle' && (readWith === undefined || readWith.values.includes(effective(readWith.field)))));
  const shown = fields.filter(asked);
  const isHead = ({ name }: Field): boolean => name === 'name' || name === 'type';
  return {
    head: shown.filter(isHead),
    scope: shown.filter((field) => !isHead(field) && field.part === 'scope'),
    effect: shown.filter((field) => !isHead(field) && field.part !== 'scope'),
  };
}
