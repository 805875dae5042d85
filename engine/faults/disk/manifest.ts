import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { type FieldMeta, flag, whole } from '../../kernel/fields.ts';
import { parseSelector, SELECTOR_HELP } from '../../kernel/process-selector.ts';

const ACTIONS = ['fill', 'inodes', 'read-only', 'limit'] as const;
type Action = (typeof ACTIONS)[number];

/** Read only with these actions. */
const only = <Field extends z.ZodType>(field: Field, ...values: readonly Action[]): Field =>
  field.meta({ ...field.meta(), readWith: { field: 'action', values } } satisfies Partial<FieldMeta>);

const MOST_MB = 16_777_216;
/** KB of 1000 bytes a second, as everywhere in a Firebreak file. */
const MOST_RATE = 10_000_000;
const MOST_OPS = 1_000_000;
/** More files take longer to remove than a revert may last, on a slow disk: 250,000 take some three seconds on an ordinary one. */
export const MOST_INODES = 250_000;

const params = z.object({
  action: z
    .enum(ACTIONS, { error: `expected ${ACTIONS.join(', ')}` })
    .default('fill')
    .meta({
      help: 'Fill the disk, use up its inodes (files that it can have), mount it read-only, or limit how fast processes read and write.',
      example: 'fill',
    } satisfies FieldMeta),
  sizeMB: only(whole('How many MB are taken, whatever the percentage says; 0 = the percentage holds.', 0, MOST_MB, 0, 'MB'), 'fill'),
  percentage: only(whole('Until so much of the disk, or of its inodes, is used.', 1, 100, 95, 'percent'), 'fill', 'inodes'),
  reserveMB: only(whole('How many MB stay free in any case.', 0, MOST_MB, 64, 'MB'), 'fill'),
  reserveInodes: only(whole('How many more files can still be made in any case.', 0, MOST_INODES, 16), 'inodes'),
  processes: only(
    z
      .string({ error: 'expected text' })
      .max(4_096, 'expected at most 4096 characters')
      .default('')
      .meta({ help: `Whose reading and writing is limited: ${SELECTOR_HELP}.`, example: 'name:postgres', part: 'scope' } satisfies FieldMeta),
    'limit',
  ),
  readRate: only(whole('KB (1000 bytes) a second that each process may read; 0 = no limit.', 0, MOST_RATE), 'limit'),
  writeRate: only(whole('KB (1000 bytes) a second that each process may write; 0 = no limit.', 0, MOST_RATE), 'limit'),
  readOps: only(whole('Reads a second; 0 = no limit.', 0, MOST_OPS), 'limit'),
  writeOps: only(whole('Writes a second; 0 = no limit.', 0, MOST_OPS), 'limit'),
  allowSystemDisk: flag('Allow a disk that the system or Firebreak lives on. Then at least 1024 MB and 10000 inodes stay free.'),
  asRoot: only(flag('Do it as root (an ordinary user needs the helper): the folder need not be writable for this user.'), 'fill', 'inodes'),
});
export type DiskParams = z.infer<typeof params>;

const WEIGHT: Readonly<Record<Action, number>> = { fill: 0.6, inodes: 0.5, 'read-only': 0.7, limit: 0.4 };

export const diskManifest = defineManifest({
  type: 'disk',
  layer: 'host',
  summary: 'Fills a disk, uses up its inodes, makes it read-only, or slows it for some processes.',
  params,
  target: {
    required: true,
    help: 'The absolute path of a folder on the disk; for read-only the folder at which it is mounted.',
    example: '/srv/data',
    check: (target) =>
      target.startsWith('/') ? undefined : { message: 'expected the absolute path of a folder', hint: 'write for example /srv/data' },
  },
  noop: () => false,
  severity: (asked) => (asked.allowSystemDisk ? 0.95 : WEIGHT[asked.action]),
  remarks: () => [],
  explain: (asked, target) => {
    const end = ', until the fault ends.';
    switch (asked.action) {
      case 'fill': {
        const much = asked.sizeMB > 0 ? `with ${asked.sizeMB} MB` : `until ${asked.percentage} % are used`;
        return `Fills the disk of ${target} ${much}, and leaves at least ${asked.reserveMB} MB free${end}`;
      }
      case 'inodes':
        return `Makes empty files on the disk of ${target} until ${asked.percentage} % of its inodes are used, and leaves at least ${asked.reserveInodes}${end}`;
      case 'read-only':
        return `Mounts ${target} read-only${end}`;
      case 'limit':
        return `Limits each process that matches ${asked.processes} to ${ratesInWords(asked)} on the disk of ${target}${end}`;
    }
  },
  platforms: ['linux'],
  privileges: ['the right to write to the folder; root for read-only, limit and as_root'],
  needsRoot: (asked) => asked.action === 'read-only' || asked.action === 'limit' || asked.asRoot,
  blastRadius: 3,
  verifyWithin: 5_000,
  check: (asked) => {
    const findings: { field: string; message: string; hint: string }[] = [];
    const find = (field: string, message: string, hint: string): void => void findings.push({ field, message, hint });
    for (const [field, value] of Object.entries(asked)) {
      const schema = params.shape[field as keyof DiskParams];
      const { readWith } = schema.meta() as unknown as FieldMeta;
      if (readWith !== undefined && !readWith.values.includes(asked.action) && value !== schema.parse(undefined)) {
        find(field, `expected action: ${readWith.values.join(' or ')}`, 'leave it out');
      }
    }
    if (asked.action === 'limit') {
      const selector = parseSelector(asked.processes);
      if ('error' in selector) find('processes', selector.error, 'write for example name:postgres');
      if (rates(asked).every(([value]) => value === 0)) find('writeRate', 'expected a limit', 'set read_rate, write_rate, read_ops or write_ops');
    }
    return findings;
  },
});

const rates = (asked: DiskParams): readonly (readonly [value: number, words: string])[] => [
  [asked.readRate, `${asked.readRate} KB/s of reading`],
  [asked.writeRate, `${asked.writeRate} KB/s of writing`],
  [asked.readOps, `${asked.readOps} reads a second`],
  [asked.writeOps, `${asked.writeOps} writes a second`],
];
/** What is limited, as a person would say it. */
export const ratesInWords = (asked: DiskParams): string =>
  rates(asked).filter(([value]) => value > 0).map(([, words]) => words).join(' and ');
