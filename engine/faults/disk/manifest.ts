import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest } from '../../kernel/fault.ts';
import { duration, type FieldMeta, flag, ratio, readWith, unread, whole } from '../../kernel/fields.ts';
import { parseSelector, SELECTOR_HELP } from '../../kernel/process-selector.ts';

const ACTIONS = ['fill', 'inodes', 'read-only', 'limit', 'files', 'short-writes'] as const;
type Action = (typeof ACTIONS)[number];
/** What the kernel lets a guard of files answer with (fanotify_mark(2)). */
export const ERRORS = ['EIO', 'ENOSPC', 'EDQUOT', 'EAGAIN', 'EPERM', 'EBUSY', 'ETXTBSY', 'none'] as const;
const OPERATIONS = ['any', 'read', 'write', 'open'] as const;

const only = readWith<Action>('action');

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
      help: 'Fill the disk, use up its inodes (files that it can have), mount it read-only, limit how fast processes read and write, make calls on the files of the folder fail or wait, or cut writes short.',
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
      .meta({ help: `Whose reading and writing it is about: ${SELECTOR_HELP}. With files, empty means all but Firebreak's.`, example: 'name:postgres', part: 'scope' } satisfies FieldMeta),
    'limit', 'files', 'short-writes',
  ),
  operation: only(
    z.enum(OPERATIONS, { error: `expected ${OPERATIONS.join(', ')}` }).default('any').meta({
      help: 'Which calls on the files of the folder, and of all folders below it, are struck.', example: 'write',
    } satisfies FieldMeta),
    'files',
  ),
  error: only(
    z.enum(['', ...ERRORS], { error: `expected one of ${ERRORS.join(', ')}` }).default('').meta({
      help: 'What the program is told. Empty: EIO, or nothing where there is a latency.', example: 'ENOSPC',
    } satisfies FieldMeta),
    'files',
  ),
  latency: only(duration('How long each call that is struck waits first.', 60_000), 'files'),
  probability: only(ratio('The chance that each call is struck.', 1), 'files', 'short-writes'),
  everyNth: only(
    z.int({ error: 'expected a whole number from 1 to 1000000' }).min(1, 'expected a whole number from 1 to 1000000').max(1_000_000, 'expected a whole number from 1 to 1000000')
      .default(1)
      .meta({ help: 'Every nth call is struck; 3 is every third.', unit: 'count', min: 1, max: 1_000_000, example: 3 } satisfies FieldMeta),
    'files', 'short-writes',
  ),
  part: only(ratio('How much of each write that is struck the kernel takes; at least one byte.', 0.5), 'short-writes'),
  readRate: only(whole('KB (1000 bytes) a second that each process may read; 0 = no limit.', 0, MOST_RATE), 'limit'),
  writeRate: only(whole('KB (1000 bytes) a second that each process may write; 0 = no limit.', 0, MOST_RATE), 'limit'),
  readOps: only(whole('Reads a second; 0 = no limit.', 0, MOST_OPS), 'limit'),
  writeOps: only(whole('Writes a second; 0 = no limit.', 0, MOST_OPS), 'limit'),
  allowSystemDisk: flag('Allow a disk that the system or Firebreak lives on. Then at least 1024 MB and 10000 inodes stay free.'),
  asRoot: only(flag('Do it as root (an ordinary user needs the helper): the folder need not be writable for this user.'), 'fill', 'inodes'),
});
export type DiskParams = z.infer<typeof params>;

const WEIGHT: Readonly<Record<Action, number>> = { fill: 0.6, inodes: 0.5, 'read-only': 0.7, limit: 0.4, files: 0.7, 'short-writes': 0.5 };
const strikes = ({ action }: DiskParams): boolean => action === 'files' || action === 'short-writes';

/** The error by name; '' when calls are only delayed. */
export function errorOf({ error, latency }: DiskParams): string {
  if (error === 'none') return '';
  return error === '' && latency === 0 ? 'EIO' : error;
}

export const diskManifest = defineManifest({
  type: 'disk',
  layer: 'host',
  summary: 'Fills a disk, takes its inodes, makes it read-only or slow, or makes calls on the files of a folder fail or wait.',
  params,
  target: {
    required: true,
    help: 'The absolute path of a folder on the disk; for read-only the folder at which it is mounted.',
    example: '/srv/data',
    check: (target) =>
      target.startsWith('/') ? undefined : { message: 'expected the absolute path of a folder', hint: 'write for example /srv/data' },
  },
  noop: (asked) => strikes(asked) && asked.probability === 0,
  severity: (asked) => (asked.allowSystemDisk && !strikes(asked) ? 0.95 : WEIGHT[asked.action] * (0.5 + (0.5 * asked.probability) / asked.everyNth)),
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
      case 'files':
        return `${often(asked, CALLS[asked.operation])} on the files of ${target} by ${asked.processes === '' ? 'anybody' : `what matches ${asked.processes}`} ${doneInWords(asked)}.`;
      case 'short-writes':
        return `${often(asked, 'write')} of what matches ${asked.processes} to the files of ${target} takes only ${Math.round(asked.part * 100)} % of the bytes, and says so.`;
    }
  },
  platforms: ['linux'],
  privileges: ['the right to write to the folder; root for read-only, limit, files, short-writes and as_root'],
  needsRoot: (asked) => asked.action === 'read-only' || asked.action === 'limit' || strikes(asked) || asked.asRoot,
  blastRadius: (asked) => (asked.allowSystemDisk ? 3 : 2),
  verifyWithin: 10_000,
  check: (asked) => {
    const findings = unread(params.shape, asked);
    const find = (field: string, message: string, hint: string): void => void findings.push({ field, message, hint });
    if (asked.action === 'limit') {
      const selector = parseSelector(asked.processes);
      if ('error' in selector) find('processes', selector.error, 'write for example name:postgres');
      if (rates(asked).every(([value]) => value === 0)) find('writeRate', 'expected a limit', 'set read_rate, write_rate, read_ops or write_ops');
    }
    if (strikes(asked) && (asked.action === 'short-writes' || asked.processes !== '')) {
      const selector = parseSelector(asked.processes);
      if ('error' in selector) find('processes', selector.error, 'write for example name:postgres');
    }
    if (asked.action === 'files' && errorOf(asked) === '' && asked.latency === 0) find('latency', 'expected a latency when there is no error', 'set latency or error');
    if (asked.action === 'short-writes' && asked.part === 1) find('part', 'expected less than 1: the whole of a write is no short one', 'such as 0.5');
    if (strikes(asked) && asked.probability < 1 && asked.everyNth > 1) find('everyNth', 'expected either probability or every_nth', 'leave one of them out');
    return findings;
  },
});

const CALLS = { any: 'open, read and write', read: 'read', write: 'write', open: 'open' } as const;
/** Which of the calls are struck. */
function often({ probability, everyNth }: DiskParams, what: string): string {
  if (everyNth > 1) return `Every ${everyNth}${everyNth === 2 ? 'nd' : everyNth === 3 ? 'rd' : 'th'} ${what}`;
  return probability < 1 ? `With a chance of ${Math.round(probability * 1_000) / 10} % each ${what}` : `Each ${what}`;
}
/** What becomes of a call that is struck. */
export const doneInWords = (asked: DiskParams): string =>
  [asked.latency > 0 ? `waits ${formatDuration(asked.latency)}` : '', errorOf(asked) === '' ? '' : `fails with ${errorOf(asked)}`].filter(Boolean).join(' and then ');

const rates = (asked: DiskParams): readonly (readonly [value: number, words: string])[] => [
  [asked.readRate, `${asked.readRate} KB/s of reading`],
  [asked.writeRate, `${asked.writeRate} KB/s of writing`],
  [asked.readOps, `${asked.readOps} reads a second`],
  [asked.writeOps, `${asked.writeOps} writes a second`],
];
/** What is limited, as a person would say it. */
export const ratesInWords = (asked: DiskParams): string =>
  rates(asked).filter(([value]) => value > 0).map(([, words]) => words).join(' and ');
