import { z } from 'zod';
import { formatDuration, snake } from './sections.ts';

/**
 * `raw` in the comments below: written into the file as typed, such as `500ms` or `0.3`; the others are texts, quoted
 * where YAML needs it. `section`: a mapping or list with fields of its own.
 */
export type FieldKind =
  'duration' | 'ratio' | 'number' | 'choice' | 'flag' | 'text' | 'lines' | 'condition' | 'map' | 'list' | 'section';

/** One field of a form, made from its schema and the metadata there. */
export interface Field {
  /** As the schema calls it; how it is spelled in a file is the file's business. */
  readonly name: string;
  /** For people: `Latency chance`. */
  readonly label: string;
  readonly kind: FieldKind;
  readonly help: string;
  /** `ms`, `MB` …; '' when none. */
  readonly unit: string;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly whole: boolean;
  readonly example: string;
  /** What an absent field means, as it would be written; undefined when it means nothing or must be there. */
  readonly fallback: string | undefined;
  readonly required: boolean;
  /** Values of a choice; '' stands for none of them. */
  readonly choices: readonly string[];
  /** Whether the items of a list are texts rather than raw. */
  readonly texts: boolean;
  /** `scope`: among what chooses what is taken hold of; `idle`: asked for only where the file has it; '' : among the effects. */
  readonly part: 'scope' | 'idle' | '';
  /** The value of another field with which alone it is asked for. */
  readonly readWith?: { readonly field: string; readonly values: readonly string[] };
  /** What a condition can ask, when it is not the figures of probes: such as `request.method`. */
  readonly facts?: readonly string[];
}

interface Property {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly items?: Property;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly help?: string;
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  readonly form?: 'lines' | 'condition';
  readonly part?: 'scope' | 'idle';
  readonly readWith?: { readonly field: string; readonly values: readonly string[] };
  readonly example?: string | number | boolean;
}

/** The fields of a shape, in its order. */
export function fieldsOf(shape: Readonly<Record<string, z.ZodType>>): readonly Field[] {
  const { properties = {}, required = [] } = z.toJSONSchema(z.object(shape), { io: 'input', unrepresentable: 'any' });
  return Object.entries(shape).map(([name, schema]) => {
    const property = (properties[name] ?? {}) as Property;
    const kind = kindOf(property);
    return {
      ...PLAIN,
      name,
      label: labelOf(name),
      kind,
      help: property.help ?? '',
      unit: property.unit ?? '',
      min: property.min ?? finite(property.minimum ?? property.exclusiveMinimum),
      max: property.max ?? finite(property.maximum),
      whole: property.type === 'integer',
      example: property.example === undefined ? '' : String(property.example),
      fallback: fallbackOf(schema, kind),
      required: required.includes(name),
      choices: property.const === undefined ? (property.enum ?? []).map(String) : [String(property.const)],
      texts: property.items?.type === 'string',
      part: property.part ?? '',
      ...(property.readWith !== undefined && { readWith: property.readWith }),
    };
  });
}

/** A field that holds further fields. */
export const section = (name: string, help: string, required = false): Field => ({
  ...PLAIN,
  name,
  label: labelOf(name),
  kind: 'section',
  help,
  required,
});
/** A choice that no schema lists, such as the type of a policy. */
export const choice = (name: string, help: string, choices: readonly string[]): Field => ({
  ...PLAIN,
  name,
  label: labelOf(name),
  kind: 'choice',
  help,
  choices,
  required: true,
});
const PLAIN = {
  unit: '',
  min: undefined,
  max: undefined,
  whole: false,
  example: '',
  fallback: undefined,
  required: false,
  choices: [],
  texts: true,
  part: '',
} as const satisfies Partial<Field>;

function kindOf({
  type,
  enum: choices,
  const: only,
  unit,
  form,
  minimum,
  exclusiveMinimum,
  maximum,
}: Property): FieldKind {
  if (choices !== undefined || only !== undefined) return 'choice';
  // Only a duration may be written as a text or as a number (a bare 0).
  if (Array.isArray(type)) return 'duration';
  if (type === 'boolean') return 'flag';
  if (type === 'array') return 'list';
  if (type === 'object') return 'map';
  if (type === 'number' && (unit === 'ratio' || ((minimum ?? exclusiveMinimum) === 0 && maximum === 1))) return 'ratio';
  if (type === 'number' || type === 'integer') return 'number';
  return form ?? 'text';
}

function fallbackOf(schema: z.ZodType, kind: FieldKind): string | undefined {
  const result = schema.safeParse(undefined);
  if (!result.success || result.data === undefined || typeof result.data === 'object') return undefined;
  return kind === 'duration' ? formatDuration(Number(result.data)) : String(result.data);
}

const finite = (limit: number | undefined): number | undefined =>
  limit === undefined || Math.abs(limit) >= Number.MAX_SAFE_INTEGER ? undefined : limit;

const SPELLINGS: Readonly<Record<string, string>> = {
  ram: 'RAM',
  cpu: 'CPU',
  mb: 'MB',
  cidr: 'CIDR',
  url: 'URL',
  t: 'T',
  http: 'HTTP',
  grpc: 'gRPC',
  sql: 'SQL',
  redis: 'Redis',
  mongo: 'MongoDB',
  kafka: 'Kafka',
  rabbitmq: 'RabbitMQ',
};
/** `latencyChance` -> `Latency chance`, `ramChunkMB` -> `RAM chunk MB`. */
export function labelOf(name: string): string {
  const [first = '', ...rest] = snake(name)
    .split('_')
    .map((word) => SPELLINGS[word] ?? word);
  return [SPELLINGS[name] === undefined ? `${first[0]?.toUpperCase() ?? ''}${first.slice(1)}` : first, ...rest].join(
    ' ',
  );
}
