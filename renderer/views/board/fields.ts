import { z } from 'zod';

/** One setting of a widget as a form shows it. */
export interface Field {
  readonly key: string;
  readonly title: string;
  readonly help: string;
  readonly kind: 'text' | 'lines' | 'number' | 'flag' | 'choice';
  readonly choices: readonly { readonly value: string; readonly label: string }[];
  readonly least: number | undefined;
  readonly most: number | undefined;
  readonly example: string;
}

/** What JSON Schema tells of a field, with the metadata that the schema's author gave. */
const property = z.object({
  type: z.string().optional(),
  enum: z.array(z.union([z.string(), z.number()])).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  title: z.string().optional(),
  help: z.string().optional(),
  example: z.string().optional(),
  /** Words for the values of an enum. */
  labels: z.record(z.string(), z.string()).optional(),
  /** Set in the widget itself, not in the form. */
  hidden: z.boolean().optional(),
});
const object = z.object({ properties: z.record(z.string(), property).default({}) });

/** The fields of a schema in its order; those that a form cannot show, or shall not, are left out. */
export function fieldsOf(schema: z.ZodType): Field[] {
  const { properties } = object.parse(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  return Object.entries(properties).flatMap(([key, { hidden, ...one }]): Field[] => {
    const kind = kindOf(one);
    if (hidden === true || kind === undefined) return [];
    return [
      {
        key,
        kind,
        title: one.title ?? key,
        help: one.help ?? '',
        choices: (one.enum ?? []).map((value) => ({
          value: String(value),
          label: one.labels?.[String(value)] ?? String(value),
        })),
        least: one.minimum,
        most: one.maximum,
        example: one.example ?? '',
      },
    ];
  });
}

function kindOf({ type, enum: choices }: z.infer<typeof property>): Field['kind'] | undefined {
  if (choices !== undefined) return 'choice';
  switch (type) {
    case 'string':
      return 'text';
    case 'array':
      return 'lines';
    case 'number':
    case 'integer':
      return 'number';
    case 'boolean':
      return 'flag';
    default:
      return undefined;
  }
}

/** What stands in the form's field for a value. */
export const written = ({ kind }: Field, value: unknown): string =>
  kind === 'lines' && Array.isArray(value)
    ? value.join('\n')
    : value === undefined || value === null
      ? ''
      : String(value);

/** What a field's text means; the schema judges it. An empty number is no number. */
export function read({ kind }: Field, text: string): unknown {
  switch (kind) {
    case 'number':
      return text.trim() === '' ? undefined : Number(text);
    case 'flag':
      return text === 'true';
    case 'lines':
      return text
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean);
    case 'text':
    case 'choice':
      return text;
  }
}
